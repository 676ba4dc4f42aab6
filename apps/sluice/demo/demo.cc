#include "demo/demo.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>

#include "demo/scene.h"
#include "demo/stage.h"
#include "demo/step.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace sluice::demo {
namespace {

using Json = nlohmann::ordered_json;

Look LookOf(const DemoOptions& options) {
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  // Before any other thread; https://no-color.org.
  const bool wants_none = std::getenv("NO_COLOR") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  return {.format = options.json ? Format::kJson : Format::kText,
          .is_terminal = is_terminal,
          .has_colors = is_terminal && !wants_none};
}

std::string OwnFolder() {
  std::error_code failure;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failure);
  return failure ? "." : self.parent_path().string();
}

void Introduce(const Stage& stage) {
  const std::string path =
      fmt::format("     users → sluice ({}) → booking a, b → ", stage.gateway().ToString());
  // Three arrows are three characters, but nine bytes.
  const std::string below(path.size() - 6, ' ');
  fmt::print(
      "A hotel booking, the eight services that it needs, and what users notice when something\n"
      "breaks: {} processes on free ports of this machine. It takes about a minute.\n\n"
      "{}user, cart, coupons, risk,\n{}price, inventory, payment,\n{}notification\n",
      stage.processes(), path, below, below);
  std::fflush(stdout);
}

void Conclude(const std::vector<Scene>& scenes, const std::vector<std::string_view>& failed) {
  std::size_t checks = 0;
  std::size_t held = 0;
  for (const Scene& scene : scenes) {
    for (const Check& check : scene.checks()) {
      ++checks;
      if (check.held) ++held;
    }
  }
  if (failed.empty()) {
    fmt::print("\nAll {} checks held.\n", checks);
    return;
  }
  fmt::print("\n{} of {} checks held. Failed:\n", held, checks);
  for (const std::string_view text : failed)
    fmt::print("  {}\n", text);
}

}  // namespace

std::vector<std::string> StepNames() {
  std::vector<std::string> names;
  for (const Step& step : Steps())
    names.emplace_back(step.name);
  return names;
}

DemoEnd Play(const DemoOptions& options) {
  const Look look = LookOf(options);
  Result<std::unique_ptr<Stage>> stage =
      Stage::Open({.binaries = options.binaries.empty() ? OwnFolder() : options.binaries,
                   .config_file = options.config_file});
  if (!stage) {
    fmt::print(stderr, "sluice demo: {}\n", stage.error().detail);
    return DemoEnd::kDidNotStart;
  }
  if (look.format == Format::kText) Introduce(**stage);

  std::vector<const Step*> steps;
  for (const Step& step : Steps()) {
    if (options.only.empty() || options.only == step.name) steps.push_back(&step);
  }
  std::vector<Scene> scenes;
  scenes.reserve(steps.size());  // What failed is told with views of them.
  std::vector<std::string_view> failed;
  Json report = {{"held", true}, {"steps", Json::array()}};
  for (const Step* step : steps) {
    Scene& scene = scenes.emplace_back(look);
    scene.Title(scenes.size(), steps.size(), step->name, step->title);
    step->play(**stage, scene);
    for (const Check& check : scene.checks()) {
      if (!check.held) failed.push_back(check.text);
    }
    report["steps"].push_back(scene.ToJson());
  }
  report["held"] = failed.empty();
  if (look.format == Format::kJson) {
    fmt::print("{}\n", report.dump(2));
  } else {
    Conclude(scenes, failed);
  }
  return failed.empty() ? DemoEnd::kAllHeld : DemoEnd::kCheckFailed;
}

}  // namespace sluice::demo
