// What every limit that counts in a window of time is: so many tokens in so long.

#pragma once

#include <cstdint>

#include "sluice/contract/time.h"
#include "sluice/limit/admission.h"
#include "sluice/limit/calendar.h"

namespace sluice::limit {

struct WindowOptions {
  std::int64_t limit = 0;                  // Tokens in a period, 1 .. 1e9.
  Nanos period = std::chrono::seconds(1);  // 1 ms .. 32 days.
  Calendar calendar = Calendar::kNone;     // fixed_window alone: instead of `period`.
  OnReject on_reject = OnReject::kKeep;
};

// A window in ticks, whatever is counted in it.
struct WindowPace {
  Ticks period = 0;
  std::int64_t limit = 0;
  OnReject on_reject = OnReject::kKeep;

  static WindowPace Of(const WindowOptions& options) {
    return {.period = options.period.count() * kTicksPerNano,
            .limit = options.limit,
            .on_reject = options.on_reject};
  }
};

}  // namespace sluice::limit
