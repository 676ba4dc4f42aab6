// sluice_sim: plays scenario files. Exit codes: 0 all as expected, 1 not, 2 usage or a file that
// cannot be read.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/parse.h"
#include "tests/sim/runner.h"
#include "tests/sim/systems.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace sluice::scenario {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// True when all was as expected.
bool Play(const Scenario& scenario,
          std::uint64_t seed,
          const std::string& system,
          const MakeSystem& make) {
  const RunReport report = PlayScenario(scenario, seed, make);
  if (report.failures.empty()) {
    fmt::print("ok {} seed={} events={} trace={:016x}\n", scenario.file, seed, report.events,
               report.trace_hash);
    return true;
  }
  fmt::print("FAILED {} seed={}\n", scenario.file, seed);
  for (const std::string& failure : report.failures)
    fmt::print("  {}\n", failure);
  fmt::print("  again: sluice_sim --seed={} --system={} {}\n  timeline:\n{}", seed, system,
             scenario.file, report.timeline);
  return false;
}

struct Arguments {
  std::vector<std::string> files;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::string system = std::string(kDefaultSystem);
};

int PlayAll(const Arguments& arguments) {
  const MakeSystem make = FindSystem(arguments.system);
  if (make == nullptr) {
    fmt::print(stderr, "there is no system `{}`; there are: {}\n", arguments.system, SystemNames());
    return 2;
  }
  bool all_well = true;
  for (const std::string& path : arguments.files) {
    const std::optional<std::string> text = ReadFile(path);
    if (!text) {
      fmt::print(stderr, "{}: cannot be read\n", path);
      return 2;
    }
    const Result<Scenario> scenario = Parse(path, *text);
    if (!scenario) {
      fmt::print(stderr, "{}\n", scenario.error().detail);
      return 2;
    }
    for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
      if (!Play(*scenario, seed, arguments.system, make)) all_well = false;
      std::fflush(stdout);
    }
  }
  return all_well ? 0 : 1;
}

}  // namespace
}  // namespace sluice::scenario

int main(int argc, char** argv) {
  sluice::scenario::Arguments arguments;
  CLI::App app("Plays scenario files in simulated time");
  app.add_option("files", arguments.files, "The scenarios")->required();
  app.add_option("--seed", arguments.seed,
                 "What chance is drawn from; 0: everything in the order it was made");
  app.add_option("--seeds", arguments.seeds, "Plays so many seeds, from --seed on");
  app.add_option("--system", arguments.system, "What the scenarios are played against");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return sluice::scenario::PlayAll(arguments);
}
