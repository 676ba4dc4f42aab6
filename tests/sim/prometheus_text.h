// Reads Prometheus' text format, to check counters by it.

#pragma once

#include <optional>
#include <string_view>

namespace sluice::scenario {

// The sum of all samples of `series` ("name" or "name{label=\"value\",…}"): those that have all of
// its labels, and maybe more. 0 when the metric exists and no sample has these values. Nothing when
// `text` knows no such metric, or when no sample of it bears a label of that name: a misspelt label
// must not pass for a counter at 0. Nothing too when `series` is malformed.
[[nodiscard]] std::optional<double> SumOf(std::string_view text, std::string_view series);

}  // namespace sluice::scenario
