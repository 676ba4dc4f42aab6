// Tally: what users got, counted. Pure.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "demo/load.h"

#include "sluice/contract/time.h"

namespace sluice::demo {

struct Tally {
  std::size_t asked = 0;
  std::size_t good = 0;      // 2xx.
  std::size_t degraded = 0;  // Of these, with something missing: see IsDegraded().
  std::size_t refused = 0;   // By a rule of the gateway, which is named.
  std::size_t failed = 0;    // Everything else.
  std::map<std::string, std::size_t> refusals;  // By x-sluice-reason.
  std::map<std::string, std::size_t> failures;  // "503 inventory is not available".
  Nanos p50{0};                                 // Of the good ones.
  Nanos p99{0};
  Nanos refused_p99{0};  // Of the refused.
  Nanos slowest{0};      // Of all.

  [[nodiscard]] double PerSecond(std::size_t count, Nanos length) const;
};

// Of the samples that `counts` is true for.
[[nodiscard]] Tally Count(const std::vector<Sample>& samples,
                          const std::function<bool(const Sample&)>& counts);

// Of one phase.
[[nodiscard]] Tally CountPhase(const std::vector<Sample>& samples, std::size_t phase);

[[nodiscard]] bool IsGood(const Answer& answer);
// Its body lists in `degraded` what it does without, or the gateway gave a substitute.
[[nodiscard]] bool IsDegraded(const Answer& answer);
// By a rule: the gateway names it in x-sluice-reason.
[[nodiscard]] bool IsRefused(const Answer& answer);

// "503 inventory is not available": the status and the `error` of the body.
[[nodiscard]] std::string WhatWasTold(const Answer& answer);

// The value that `ratio` of them do not exceed; 0 of nothing.
[[nodiscard]] Nanos Percentile(std::vector<Nanos> values, double ratio);

}  // namespace sluice::demo
