// The same booking as in plan.h, as it is usually written: each call waits for the one before it.
// It is here to be compared with, in length and in time.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "booking/order.h"
#include "booking/services.h"

#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"

namespace booking {

struct TimedCall {
  std::string_view node;
  sluice::Nanos start{0};  // Since the beginning of the booking.
  sluice::Nanos end{0};
};

struct SequentialOutcome {
  sluice::Result<Booking> booking = Booking{};
  std::string_view failed_node = {};  // With an error.
  std::vector<std::string_view> degraded = {};
  std::vector<TimedCall> calls = {};
};

struct SequentialOptions {
  sluice::SteadyTime deadline;
  std::string key;  // For what must not be done twice.
};

// `services` and `loop` must live until the task has ended.
[[nodiscard]] sluice::Task<SequentialOutcome> BookInSequence(Services& services,
                                                             sluice::Loop& loop,
                                                             Order order,
                                                             SequentialOptions options);

}  // namespace booking
