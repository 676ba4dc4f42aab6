#include "sluice/gateway/attempt_verdict.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::gateway {
namespace {

constexpr int kTooManyRequests = 429;
constexpr int kUnavailable = 503;

bool SaysNothing(int status, breaker::Refusal refusal) {
  return status == kTooManyRequests || refusal == breaker::Refusal::kByPeerGuard;
}

}  // namespace

breaker::Refusal RefusalOf(const wire::ResponseHead& head, const AnswerStatus& status) {
  constexpr std::array<std::string_view, 6> kGuards = {
      "rate_limit", "breaker", "overload", "concurrency", "system", "admission_control"};
  if (status.judged() != kTooManyRequests && status.judged() != kUnavailable) {
    return breaker::Refusal::kNone;
  }
  const wire::HeaderField* const reason = head.headers.Find("x-sluice-reason");
  if (reason == nullptr) return breaker::Refusal::kNone;
  const std::string_view guard = reason->value.substr(0, reason->value.find('/'));
  // A flow that failed bears the same name as one that had no place, but knows no time to come
  // back.
  const bool is_guard = guard == "flow" ? head.headers.Find("retry-after") != nullptr
                                        : std::ranges::find(kGuards, guard) != kGuards.end();
  return is_guard ? breaker::Refusal::kByPeerGuard : breaker::Refusal::kNone;
}

Verdict LimitVerdict(int status, breaker::Refusal refusal) {
  if (SaysNothing(status, refusal)) return Verdict::kIgnored;
  if (status == kUnavailable) return Verdict::kFailure;
  return status >= 500 ? Verdict::kIgnored : Verdict::kSuccess;
}

Verdict ThrottleVerdict(int status, breaker::Refusal refusal) {
  if (SaysNothing(status, refusal)) return Verdict::kIgnored;
  return status >= 500 ? Verdict::kFailure : Verdict::kSuccess;
}

Verdict ThrottleVerdict(const Error& error) {
  return error.side == Side::kUpstream ? Verdict::kFailure : Verdict::kIgnored;
}

}  // namespace sluice::gateway
