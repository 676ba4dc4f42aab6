#include "sluice/gateway/config/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

namespace sluice::gateway::config {
namespace {

constexpr std::size_t kLengthMax = 64;
constexpr std::size_t kDistanceMax = 4;
constexpr std::size_t kCandidatesMax = 1'000;

using Row = std::array<std::size_t, kLengthMax + 1>;

// Requires both lengths <= kLengthMax. Three rows of the usual table are enough, and of each row
// the band around the diagonal: what lies outside is farther than kDistanceMax.
std::size_t Distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kFar = kDistanceMax + 1;
  Row before_last{};
  Row last{};
  Row row{};
  row.fill(kFar);
  for (std::size_t j = 0; j <= std::min(b.size(), kDistanceMax); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = last;
    last = row;
    row.fill(kFar);
    if (i <= kDistanceMax) row[0] = i;
    const std::size_t begin = i > kDistanceMax ? i - kDistanceMax : 1;
    for (std::size_t j = begin; j <= std::min(b.size(), i + kDistanceMax); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string_view> Nearest(std::string_view text,
                                        std::span<const std::string_view> candidates) {
  if (text.size() > kLengthMax) return std::nullopt;
  std::size_t best = std::min(text.size() / 3 + 1, kDistanceMax) + 1;
  std::optional<std::string_view> nearest;
  for (const std::string_view candidate :
       candidates.first(std::min(candidates.size(), kCandidatesMax))) {
    const std::size_t gap =
        std::max(candidate.size(), text.size()) - std::min(candidate.size(), text.size());
    if (candidate.size() > kLengthMax || gap >= best) continue;
    const std::size_t distance = Distance(text, candidate);
    // Two words that share nothing are not near, however short they are.
    if (distance >= best || distance >= std::max(candidate.size(), text.size())) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string DidYouMean(std::string_view text, std::span<const std::string_view> candidates) {
  const std::optional<std::string_view> nearest = Nearest(text, candidates);
  return nearest ? fmt::format("; did you mean `{}`?", *nearest) : std::string();
}

}  // namespace sluice::gateway::config
