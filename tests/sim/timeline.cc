#include "tests/sim/timeline.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace sluice::scenario {

void Timeline::Add(SteadyTime at, std::string text) {
  if (lines_.size() == lines_max_) {
    lines_.pop_front();
    ++dropped_;
  }
  lines_.push_back({.at = at - start_, .text = std::move(text)});
}

std::string Timeline::ToString() const {
  std::string text;
  auto out = std::back_inserter(text);
  if (dropped_ > 0) fmt::format_to(out, "    ({} earlier lines are not shown)\n", dropped_);
  for (const Line& line : lines_) {
    const std::int64_t nanos = line.at.count();
    fmt::format_to(out, "    {:5}.{:09}  {}\n", nanos / 1'000'000'000, nanos % 1'000'000'000,
                   line.text);
  }
  return text;
}

}  // namespace sluice::scenario
