// Scene: what one step of the demo tells, shows and checks. It appears on the terminal at once, or
// is kept for a report in JSON.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "sluice/contract/time.h"

namespace sluice::demo {

enum class Format { kText, kJson };

struct Check {
  std::string text;
  bool held = false;
};

// How the output looks; the same for all scenes.
struct Look {
  Format format = Format::kText;
  bool is_terminal = false;  // Lines of progress that vanish again.
  bool has_colors = false;
};

class Scene {
 public:
  explicit Scene(const Look& look) : look_(look) {}

  // "2/7  spike      Five times the usual bookings".
  void Title(std::size_t number, std::size_t count, std::string_view name, std::string_view title);
  // A paragraph, broken into lines.
  void Say(std::string_view text);
  // A line as it is; empty: an empty one.
  void Line(std::string_view text);
  // Something that must be so; one that is not makes the demo fail.
  void Require(bool held, std::string text);
  // For JSON alone.
  void Note(std::string_view name, nlohmann::ordered_json value);
  // Says what goes on, until the next line.
  void Progress(std::string_view text);

  [[nodiscard]] bool held() const;
  [[nodiscard]] const std::vector<Check>& checks() const { return checks_; }
  // {"held", "checks", and what was noted}.
  [[nodiscard]] nlohmann::ordered_json ToJson() const;

 private:
  void Print(std::string_view text);
  void ClearProgress();
  [[nodiscard]] std::string Colored(std::string_view text, std::string_view code) const;

  Look look_;
  std::vector<Check> checks_;
  nlohmann::ordered_json notes_ = nlohmann::ordered_json::object();
  std::string progress_;
};

// Lines of at most `columns` characters (UTF-8), broken at spaces.
[[nodiscard]] std::vector<std::string> Wrap(std::string_view text, std::size_t columns);

// "96 ms"; below 10 ms with one digit behind the point.
[[nodiscard]] std::string InMilliseconds(Nanos span);

}  // namespace sluice::demo
