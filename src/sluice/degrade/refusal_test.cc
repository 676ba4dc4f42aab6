#include "sluice/degrade/refusal.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace sluice::degrade {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;

std::string ReasonOf(const Error& error) {
  std::string out;
  AppendReason(error, out);
  return out;
}

std::string BodyOf(const Error& error) {
  std::string out;
  AppendBody(error, out);
  return out;
}

TEST(RefusalScenarios, D57_EveryRefusalCarriesGuardRuleStatusAndRetryAfter) {
  const Error rate{.code = ErrorCode::kRateLimited, .guard = "rate_limit", .rule = "per-user"};
  EXPECT_EQ(StatusOf(rate), 429);
  EXPECT_EQ(ReasonOf(rate), "rate_limit/per-user");
  EXPECT_EQ(BodyOf(rate), R"({"error":"rate_limited","rule":"per-user"})");
  EXPECT_TRUE(HasRetryAfter(rate));
  EXPECT_GE(RetryAfterSeconds(rate.retry_after), 1);

  const Error breaker{.code = ErrorCode::kBreakerOpen, .guard = "breaker", .rule = "booking"};
  EXPECT_EQ(StatusOf(breaker), 503);
  EXPECT_EQ(ReasonOf(breaker), "breaker/booking");
  EXPECT_TRUE(HasRetryAfter(breaker));

  const Error shed{.code = ErrorCode::kOverloaded, .guard = "overload", .rule = "shed"};
  EXPECT_EQ(StatusOf(shed), 503);
  EXPECT_EQ(ReasonOf(shed), "overload/shed");
  EXPECT_TRUE(HasRetryAfter(shed));
}

TEST(Refusal, TellsWhatMadeAGateShed) {
  const Error shed{.code = ErrorCode::kOverloaded, .guard = "overload", .rule = "shed"};
  std::string out;
  AppendBody(shed, out, "cpu");
  EXPECT_EQ(out, R"({"error":"overloaded","rule":"shed","cause":"cpu"})");
}

TEST(RefusalScenarios, D57_GrpcClientsAreToldInTheirOwnWords) {
  const Error rate{.code = ErrorCode::kRateLimited, .guard = "rate_limit", .rule = "per-user"};
  EXPECT_EQ(GrpcStatusOf(rate), GrpcStatus::kResourceExhausted);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kBreakerOpen}), GrpcStatus::kUnavailable);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kOverloaded}), GrpcStatus::kUnavailable);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kUpstreamTimeout}), GrpcStatus::kDeadlineExceeded);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kNoRoute}), GrpcStatus::kUnimplemented);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kPermissionDenied}), GrpcStatus::kPermissionDenied);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kConnectFailed}), GrpcStatus::kUnavailable);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kInputOutput, .side = Side::kUpstream}),
            GrpcStatus::kUnavailable);
  EXPECT_EQ(GrpcStatusOf({.code = ErrorCode::kInputOutput}), GrpcStatus::kInternal);

  std::string message;
  AppendGrpcMessage(rate, message);
  EXPECT_EQ(message, "rate_limited: rate_limit/per-user");
  message.clear();
  AppendGrpcMessage({.code = ErrorCode::kOverloaded, .guard = "overload"}, message);
  EXPECT_EQ(message, "overloaded: overload");
  message.clear();
  AppendGrpcMessage({.code = ErrorCode::kNoRoute}, message);
  EXPECT_EQ(message, "no_route");
  message.clear();
  AppendGrpcMessage({.code = ErrorCode::kRateLimited, .guard = "a%b", .rule = "\n\xc3"}, message);
  EXPECT_EQ(message, "rate_limited: a%25b/%0A%C3");
}

TEST(Refusal, WhatIsDeniedHasNoRetryAfter) {
  const Error denied{.code = ErrorCode::kPermissionDenied, .guard = "egress", .rule = "out"};
  EXPECT_FALSE(HasRetryAfter(denied));
}

TEST(Refusal, ErrorsWithoutAGuardAreNamedAlone) {
  EXPECT_EQ(ReasonOf({.code = ErrorCode::kNoRoute}), "no_route");
  EXPECT_EQ(ReasonOf({.code = ErrorCode::kUpstreamTimeout, .side = Side::kUpstream}),
            "upstream_timeout");
  EXPECT_EQ(ReasonOf({.code = ErrorCode::kConnectFailed, .side = Side::kUpstream}),
            "upstream_connect_failed");
  EXPECT_EQ(ReasonOf({.code = ErrorCode::kOverloaded, .guard = "overload"}), "overload");
  EXPECT_EQ(BodyOf({.code = ErrorCode::kNoRoute}), R"({"error":"no_route"})");
}

TEST(Refusal, EveryErrorHasAStatusThatSaysWhoseItIs) {
  const auto status = [](ErrorCode code) { return StatusOf({.code = code}); };
  EXPECT_EQ(status(ErrorCode::kBadRequest), 400);
  EXPECT_EQ(status(ErrorCode::kPermissionDenied), 403);
  EXPECT_EQ(status(ErrorCode::kNoRoute), 404);
  EXPECT_EQ(status(ErrorCode::kMethodNotAllowed), 405);
  EXPECT_EQ(status(ErrorCode::kRequestTimeout), 408);
  EXPECT_EQ(status(ErrorCode::kBodyTooLarge), 413);
  EXPECT_EQ(status(ErrorCode::kTargetTooLong), 414);
  EXPECT_EQ(status(ErrorCode::kExpectationFailed), 417);
  EXPECT_EQ(status(ErrorCode::kHeadTooLarge), 431);
  EXPECT_EQ(status(ErrorCode::kVersionNotSupported), 505);
  for (const ErrorCode code :
       {ErrorCode::kBadResponse, ErrorCode::kConnectFailed, ErrorCode::kConnectionReset,
        ErrorCode::kConnectionClosed, ErrorCode::kResolveFailed}) {
    EXPECT_EQ(status(code), 502) << NameOf(code);
  }
  EXPECT_EQ(status(ErrorCode::kTimeout), 504);
  EXPECT_EQ(status(ErrorCode::kUpstreamTimeout), 504);
  for (const ErrorCode code : {ErrorCode::kDraining, ErrorCode::kNoEndpoint,
                               ErrorCode::kOutOfDescriptors, ErrorCode::kCancelled}) {
    EXPECT_EQ(status(code), 503) << NameOf(code);
  }
  EXPECT_EQ(StatusOf({.code = ErrorCode::kInputOutput, .side = Side::kUpstream}), 502);
  for (const ErrorCode code :
       {ErrorCode::kInputOutput, ErrorCode::kInvalidOption, ErrorCode::kInvalidConfig,
        ErrorCode::kAddressInUse, ErrorCode::kNotFound}) {
    EXPECT_EQ(status(code), 500) << NameOf(code);
  }
}

TEST(Refusal, WaitsAreRoundedUpAndAtLeastOne) {
  EXPECT_EQ(RetryAfterSeconds(0s), 1);
  EXPECT_EQ(RetryAfterSeconds(1ms), 1);
  EXPECT_EQ(RetryAfterSeconds(1s), 1);
  EXPECT_EQ(RetryAfterSeconds(1s + 1ns), 2);
  EXPECT_EQ(RetryAfterMillis(0s), 1);
  EXPECT_EQ(RetryAfterMillis(1500ms), 1500);
  EXPECT_EQ(RetryAfterMillis(1500ms + 1ns), 1501);
  EXPECT_EQ(ResetSeconds(0s), 0);
  EXPECT_EQ(ResetSeconds(900ms), 1);
}

TEST(Refusal, WhatCanNeverSucceedHasNoRetryAfter) {
  EXPECT_FALSE(HasRetryAfter(
      {.code = ErrorCode::kRateLimited, .guard = "rate_limit", .retry_after = Nanos(-1)}));
  EXPECT_FALSE(HasRetryAfter({.code = ErrorCode::kNoRoute}));
  EXPECT_TRUE(HasRetryAfter({.code = ErrorCode::kNoEndpoint, .retry_after = 5s}));
  EXPECT_TRUE(HasRetryAfter({.code = ErrorCode::kNoEndpoint, .guard = "breaker"}));
}

TEST(Refusal, BodiesAreValidJsonWhateverTheRulesName) {
  EXPECT_EQ(BodyOf({.code = ErrorCode::kRateLimited, .rule = "a\"b\\c\n\x01 ü"}),
            "{\"error\":\"rate_limited\",\"rule\":\"a\\\"b\\\\c\\u000a\\u0001 ü\"}");
}

TEST(Refusal, AClientIsToldWhatItDidWrongAndNothingAboutUpstreams) {
  EXPECT_EQ(BodyOf({.code = ErrorCode::kBadRequest,
                    .side = Side::kClient,
                    .detail = "two \"Host\" fields\xff"}),
            R"({"error":"bad_request","detail":"two \"Host\" fields?"})");
  EXPECT_EQ(BodyOf({.code = ErrorCode::kConnectFailed,
                    .side = Side::kUpstream,
                    .detail = "10.0.0.7 refused"}),
            R"({"error":"connect_failed"})");
}

TEST(Refusal, RateLimitHeadersFollowTheDraft) {
  const RateLimitStatus status{
      .limit = 100, .period = 1min, .burst = 20, .remaining = 5, .reset_after = 1200ms};
  std::string policy;
  AppendRateLimitPolicy(status, policy);
  EXPECT_EQ(policy, "100;w=60;burst=20");
  std::string state;
  AppendRateLimit(status, state);
  EXPECT_EQ(state, "limit=100, remaining=5, reset=2");
}

TEST(Refusal, NumbersOfAnySizeAreWritten) {
  std::string out;
  AppendNumber(-9'223'372'036'854'775'807 - 1, out);
  out += ' ';
  AppendNumber(0, out);
  EXPECT_EQ(out, "-9223372036854775808 0");
}

}  // namespace
}  // namespace sluice::degrade
