#include "demo/scene.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace sluice::demo {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 88;
constexpr std::string_view kIndent = "     ";
constexpr std::string_view kBold = "1";
constexpr std::string_view kGreen = "32";
constexpr std::string_view kRedBold = "1;31";

// Bytes that begin a character.
std::size_t WidthOf(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

}  // namespace

std::vector<std::string> Wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    if (word.empty()) break;
    if (!line.empty() && WidthOf(line) + 1 + WidthOf(word) > columns) {
      lines.push_back(std::exchange(line, {}));
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string InMilliseconds(Nanos span) {
  const double milliseconds = std::chrono::duration<double, std::milli>(span).count();
  return milliseconds < 10 ? fmt::format("{:.1f} ms", milliseconds)
                           : fmt::format("{:.0f} ms", milliseconds);
}

void Scene::Title(std::size_t number,
                  std::size_t count,
                  std::string_view name,
                  std::string_view title) {
  notes_["name"] = name;
  notes_["title"] = title;
  Print("");
  Print(Colored(fmt::format("{}/{}  {:<10} {}", number, count, name, title), kBold));
}

void Scene::Say(std::string_view text) {
  for (const std::string& line : Wrap(text, kColumns - kIndent.size()))
    Line(line);
}

void Scene::Line(std::string_view text) {
  Print(text.empty() ? std::string() : fmt::format("{}{}", kIndent, text));
}

void Scene::Require(bool held, std::string text) {
  const std::string mark = held ? Colored("ok    ", kGreen) : Colored("FAILED", kRedBold);
  std::vector<std::string> lines = Wrap(text, kColumns - kIndent.size() - 8);
  for (std::size_t i = 0; i < lines.size(); ++i)
    Line(fmt::format("{}  {}", i == 0 ? mark : "      ", lines[i]));
  checks_.push_back({.text = std::move(text), .held = held});
}

void Scene::Note(std::string_view name, Json value) {
  notes_[std::string(name)] = std::move(value);
}

void Scene::Progress(std::string_view text) {
  if (!look_.is_terminal || look_.format == Format::kJson || progress_ == text) return;
  ClearProgress();
  progress_ = text;
  fmt::print("{}… {}", kIndent, text);
  std::fflush(stdout);
}

bool Scene::held() const {
  return std::ranges::all_of(checks_, &Check::held);
}

Json Scene::ToJson() const {
  Json json = notes_;
  json["held"] = held();
  json["checks"] = Json::array();
  for (const Check& check : checks_)
    json["checks"].push_back({{"text", check.text}, {"held", check.held}});
  return json;
}

void Scene::Print(std::string_view text) {
  if (look_.format == Format::kJson) return;
  ClearProgress();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Scene::ClearProgress() {
  if (!progress_.empty()) fmt::print("\r\x1b[K");
  progress_.clear();
}

std::string Scene::Colored(std::string_view text, std::string_view code) const {
  if (!look_.has_colors) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace sluice::demo
