// "Did you mean …": the known word nearest to a misspelt one.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::gateway::config {

// The candidate with the smallest edit distance (insertion, deletion, substitution and the swap of
// two neighbours: optimal string alignment), if that is small enough to be a slip of the keyboard:
// at most a third of the text plus one, never more than four. Ties go to the first. Looks at no
// more than the first thousand candidates.
[[nodiscard]] std::optional<std::string_view> Nearest(std::string_view text,
                                                      std::span<const std::string_view> candidates);

// "; did you mean `burst`?", or nothing when no candidate is near.
[[nodiscard]] std::string DidYouMean(std::string_view text,
                                     std::span<const std::string_view> candidates);

}  // namespace sluice::gateway::config
