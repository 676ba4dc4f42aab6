// The JSON that sluice-load prints: described in bench/README.md.

#pragma once

#include <string>

#include "load/load_run.h"
#include "load/tally.h"
#include "load/upstream.h"

namespace sluice::load {

// One line. `upstream` may be null. Reorders the samples of `tally`.
[[nodiscard]] std::string FormatReport(const LoadOptions& options,
                                       const LoadResult& result,
                                       Tally& tally,
                                       const UpstreamCounts* upstream);

// What is printed of an upstream that has no clients of its own.
[[nodiscard]] std::string FormatUpstream(const UpstreamCounts& upstream);

}  // namespace sluice::load
