// AttemptVerdict: what an upstream's answer says to the limits and throttles that were asked for
// it.
//
// Breakers have classifiers of their own (breaker/classify.h). What all agree on: a 429 and the
// refusal of another gateway's guard say nothing about the service, neither good nor bad. See
// docs/decisions/0019-what-a-refusal-says.md.

#pragma once

#include "sluice/breaker/classify.h"
#include "sluice/contract/guard.h"
#include "sluice/gateway/grpc.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

// Whether a gateway behind us has refused the call: its 429 or 503 bears the name of a guard. Other
// errors that it reports, of an upstream that failed it, are the service's.
[[nodiscard]] breaker::Refusal RefusalOf(const wire::ResponseHead& head,
                                         const AnswerStatus& status);

// To a limit of calls at once: how long an answer takes (kSuccess), that there were too many
// (kFailure), or nothing.
[[nodiscard]] Verdict LimitVerdict(int status, breaker::Refusal refusal);

// To a throttle: whether asking was of use, or nothing.
[[nodiscard]] Verdict ThrottleVerdict(int status, breaker::Refusal refusal);
[[nodiscard]] Verdict ThrottleVerdict(const Error& error);

}  // namespace sluice::gateway
