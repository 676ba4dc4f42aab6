#include "sluice/gateway/attempt_verdict.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using breaker::Refusal;

Refusal RefusalOfAnswer(int status, std::string_view reason) {
  wire::ResponseHead head;
  head.status = status;
  if (!reason.empty()) head.headers.Add("x-sluice-reason", reason);
  return RefusalOf(head, {.http = status, .grpc = std::nullopt});
}

TEST(RefusalOf, IsA429Or503ThatNamesAGuard) {
  EXPECT_EQ(RefusalOfAnswer(429, "rate_limit/per-user"), Refusal::kByPeerGuard);
  EXPECT_EQ(RefusalOfAnswer(503, "overload/shed"), Refusal::kByPeerGuard);
  EXPECT_EQ(RefusalOfAnswer(503, "concurrency/all"), Refusal::kByPeerGuard);
  EXPECT_EQ(RefusalOfAnswer(503, ""), Refusal::kNone);
  EXPECT_EQ(RefusalOfAnswer(503, "no_endpoint"), Refusal::kNone);
  EXPECT_EQ(RefusalOfAnswer(503, "flow/node"), Refusal::kNone);
  EXPECT_EQ(RefusalOfAnswer(504, "upstream_timeout"), Refusal::kNone);
  EXPECT_EQ(RefusalOfAnswer(200, "rate_limit/per-user"), Refusal::kNone);
}

TEST(RefusalOf, JudgesACallByItsGrpcStatus) {
  wire::ResponseHead head;
  head.headers.Add("x-sluice-reason", "breaker/pay");
  EXPECT_EQ(RefusalOf(head, {.http = 200, .grpc = GrpcStatus::kUnavailable}),
            Refusal::kByPeerGuard);
}

TEST(LimitVerdict, HearsOfTooManyCallsFromTheServiceItselfAlone) {
  EXPECT_EQ(LimitVerdict(200, Refusal::kNone), Verdict::kSuccess);
  EXPECT_EQ(LimitVerdict(404, Refusal::kNone), Verdict::kSuccess);
  EXPECT_EQ(LimitVerdict(500, Refusal::kNone), Verdict::kIgnored);
  EXPECT_EQ(LimitVerdict(503, Refusal::kNone), Verdict::kFailure);
  EXPECT_EQ(LimitVerdict(503, Refusal::kByPeerGuard), Verdict::kIgnored);
  EXPECT_EQ(LimitVerdict(429, Refusal::kNone), Verdict::kIgnored);
  EXPECT_EQ(LimitVerdict(429, Refusal::kByPeerGuard), Verdict::kIgnored);
}

TEST(ThrottleVerdict, CountsNeitherLimitsNorGuardsOfOthers) {
  EXPECT_EQ(ThrottleVerdict(200, Refusal::kNone), Verdict::kSuccess);
  EXPECT_EQ(ThrottleVerdict(404, Refusal::kNone), Verdict::kSuccess);
  EXPECT_EQ(ThrottleVerdict(500, Refusal::kNone), Verdict::kFailure);
  EXPECT_EQ(ThrottleVerdict(503, Refusal::kNone), Verdict::kFailure);
  EXPECT_EQ(ThrottleVerdict(503, Refusal::kByPeerGuard), Verdict::kIgnored);
  EXPECT_EQ(ThrottleVerdict(429, Refusal::kNone), Verdict::kIgnored);
}

TEST(ThrottleVerdict, CountsAnErrorOfTheUpstream) {
  EXPECT_EQ(ThrottleVerdict({.code = ErrorCode::kConnectFailed, .side = Side::kUpstream}),
            Verdict::kFailure);
  EXPECT_EQ(ThrottleVerdict({.code = ErrorCode::kCancelled, .side = Side::kClient}),
            Verdict::kIgnored);
}

}  // namespace
}  // namespace sluice::gateway
