// What a user is told of a booking: the answer, why there is none, and where the time went. Pure.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "booking/http_server.h"
#include "booking/order.h"
#include "booking/sequential.h"

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/dag/node_state.h"
#include "sluice/dag/run.h"

namespace booking {

struct Timing {
  std::string_view mode;               // "dag" or "sequential".
  sluice::Nanos total{0};              // From the request to its answer, within the service.
  std::vector<TimedCall> calls;        // Those that were made.
  std::vector<std::string_view> path;  // The calls that the answer had to wait for, in order.
};

// Of a traced run that is decided. The views live as long as its plan.
[[nodiscard]] Timing TimingOf(const sluice::dag::RunView& run);
[[nodiscard]] Timing TimingOf(const SequentialOutcome& outcome);

enum class Charged : std::uint8_t { kNo, kUnknown };

struct Failure {
  std::string_view node;  // Empty: the booking as a whole ran out of time.
  sluice::dag::FailureKind kind = sluice::dag::FailureKind::kFailed;
  sluice::Error cause = {};
  Charged charged = Charged::kNo;  // Whether money may have moved.
};

// Of a run that has failed.
[[nodiscard]] Failure FailureOf(const sluice::dag::RunView& run);
// Of an outcome without a booking.
[[nodiscard]] Failure FailureOf(const SequentialOutcome& outcome);

struct AnswerOptions {
  bool with_timing = false;  // In the body too; the header Server-Timing always tells it.
};

// 201, with the names of what was missing in `degraded`.
[[nodiscard]] Reply BookedReply(const Booking& booking,
                                const std::vector<std::string_view>& degraded,
                                const Timing& timing,
                                const AnswerOptions& options);

// 402 and 403 when the bank or the risk says no; 504 when a service did not answer in time; else
// 503 with Retry-After. The body names the node, how it failed, and whether money may have moved.
[[nodiscard]] Reply FailedReply(const Failure& failure,
                                const Timing& timing,
                                const AnswerOptions& options);

// The order of a request. Fails with kBadRequest: no JSON object, or a field that is no short word.
[[nodiscard]] sluice::Result<Order> ParseOrder(std::string_view body);

}  // namespace booking
