#include "sluice/breaker/classify.h"

#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

TEST(StatusSet, TakesSingleStatusesClassesAndRanges) {
  StatusSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.Add("503"));
  EXPECT_TRUE(set.Add("4xx"));
  EXPECT_TRUE(set.Add("500-501"));
  for (const int status : {400, 499, 500, 501, 503})
    EXPECT_TRUE(set.Contains(status)) << status;
  for (const int status : {0, 99, 399, 502, 504, 600})
    EXPECT_FALSE(set.Contains(status)) << status;
  set.Clear();
  EXPECT_TRUE(set.empty());
}

TEST(StatusSet, RefusesWhatIsNoStatus) {
  StatusSet set;
  for (const char* text : {"", "5", "50", "5000", "abc", "6xx", "0xx", "xxx", "50x", "504-500",
                           "500-", "-500", "500-600", "099", "+50", " 50"}) {
    EXPECT_FALSE(set.Add(text)) << text;
  }
  EXPECT_TRUE(set.empty());
}

TEST(Classify, FivesAreFailuresAndFoursAreAnswers) {
  const ClassifyOptions options;
  EXPECT_EQ(ClassifyStatus(500, Refusal::kNone, options), Verdict::kFailure);
  EXPECT_EQ(ClassifyStatus(503, Refusal::kNone, options), Verdict::kFailure);
  EXPECT_EQ(ClassifyStatus(404, Refusal::kNone, options), Verdict::kSuccess);
  EXPECT_EQ(ClassifyStatus(200, Refusal::kNone, options), Verdict::kSuccess);
}

TEST(Classify, RefusalsOfGuardsSayNothing) {
  const ClassifyOptions options;
  EXPECT_EQ(ClassifyStatus(429, Refusal::kNone, options), Verdict::kIgnored);
  EXPECT_EQ(ClassifyStatus(503, Refusal::kByPeerGuard, options), Verdict::kIgnored);
  for (const ErrorCode code :
       {ErrorCode::kRateLimited, ErrorCode::kBreakerOpen, ErrorCode::kOverloaded,
        ErrorCode::kDraining, ErrorCode::kNoEndpoint}) {
    EXPECT_EQ(ClassifyError({.code = code}, options), Verdict::kIgnored) << NameOf(code);
  }
}

TEST(Classify, StatusesAreConfigurableAndIgnoringWins) {
  ClassifyOptions options;
  options.record_statuses.Clear();
  ASSERT_TRUE(options.record_statuses.Add("404"));
  ASSERT_TRUE(options.record_statuses.Add("503"));
  ASSERT_TRUE(options.ignore_statuses.Add("503"));
  EXPECT_EQ(ClassifyStatus(404, Refusal::kNone, options), Verdict::kFailure);
  EXPECT_EQ(ClassifyStatus(500, Refusal::kNone, options), Verdict::kSuccess);
  EXPECT_EQ(ClassifyStatus(503, Refusal::kNone, options), Verdict::kIgnored);
}

// D57.
TEST(Classify, GrpcCallsAreJudgedByTheirOwnStatus) {
  ClassifyOptions options;
  const auto of = [&options](GrpcStatus status) {
    return ClassifyGrpc(status, Refusal::kNone, options);
  };
  EXPECT_EQ(of(GrpcStatus::kOk), Verdict::kSuccess);
  EXPECT_EQ(of(GrpcStatus::kNotFound), Verdict::kSuccess);
  for (const GrpcStatus status :
       {GrpcStatus::kUnavailable, GrpcStatus::kDeadlineExceeded, GrpcStatus::kInternal}) {
    EXPECT_EQ(of(status), Verdict::kFailure) << NameOf(status);
  }
  EXPECT_EQ(of(GrpcStatus::kResourceExhausted), Verdict::kIgnored);
  EXPECT_EQ(of(GrpcStatus::kCancelled), Verdict::kIgnored);
  EXPECT_EQ(ClassifyGrpc(GrpcStatus::kUnavailable, Refusal::kByPeerGuard, options),
            Verdict::kIgnored);

  options.record_grpc.Add(GrpcStatus::kUnknown);
  EXPECT_EQ(of(GrpcStatus::kUnknown), Verdict::kFailure);
  options.ignore_grpc.Add(GrpcStatus::kUnknown);  // Wins.
  EXPECT_EQ(of(GrpcStatus::kUnknown), Verdict::kIgnored);
  options.record_grpc.Clear();
  EXPECT_EQ(of(GrpcStatus::kInternal), Verdict::kSuccess);
}

TEST(Classify, BrokenAndMissingAnswersAreFailures) {
  const ClassifyOptions options;
  for (const ErrorCode code :
       {ErrorCode::kConnectFailed, ErrorCode::kResolveFailed, ErrorCode::kConnectionReset,
        ErrorCode::kConnectionClosed, ErrorCode::kBadResponse, ErrorCode::kInputOutput,
        ErrorCode::kTimeout, ErrorCode::kUpstreamTimeout}) {
    EXPECT_EQ(ClassifyError({.code = code, .side = Side::kUpstream}, options), Verdict::kFailure)
        << NameOf(code);
  }
}

TEST(Classify, TimeoutsAndConnectErrorsCanBeIgnored) {
  ClassifyOptions options;
  options.timeouts = false;
  options.connect_errors = false;
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kUpstreamTimeout}, options), Verdict::kIgnored);
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kConnectFailed}, options), Verdict::kIgnored);
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kConnectionReset}, options), Verdict::kFailure);
}

TEST(Classify, WhatTheClientDidSaysNothing) {
  const ClassifyOptions options;
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kCancelled}, options), Verdict::kIgnored);
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kBodyTooLarge}, options), Verdict::kIgnored);
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kConnectionReset, .side = Side::kClient}, options),
            Verdict::kIgnored);
  EXPECT_EQ(ClassifyError({.code = ErrorCode::kOutOfDescriptors}, options), Verdict::kIgnored);
}

TEST(HostVerdict, AnswersAreJudgedByTheirStatus) {
  EXPECT_EQ(HostVerdictOf(200, Refusal::kNone), HostVerdict::kSuccess);
  EXPECT_EQ(HostVerdictOf(404, Refusal::kNone), HostVerdict::kSuccess);
  EXPECT_EQ(HostVerdictOf(429, Refusal::kNone), HostVerdict::kSuccess);
  EXPECT_EQ(HostVerdictOf(500, Refusal::kNone), HostVerdict::kServerError);
  for (const int status : {502, 503, 504})
    EXPECT_EQ(HostVerdictOf(status, Refusal::kNone), HostVerdict::kGatewayFailure);
  EXPECT_EQ(HostVerdictOf(503, Refusal::kByPeerGuard), std::nullopt);
}

TEST(HostVerdict, OnlyWhatTheUpstreamFailedAtIsJudged) {
  const auto of = [](ErrorCode code, Side side) {
    return HostVerdictOf(Error{.code = code, .side = side});
  };
  EXPECT_EQ(of(ErrorCode::kConnectFailed, Side::kUpstream), HostVerdict::kLocalFailure);
  EXPECT_EQ(of(ErrorCode::kUpstreamTimeout, Side::kUpstream), HostVerdict::kLocalFailure);
  EXPECT_EQ(of(ErrorCode::kConnectionReset, Side::kUpstream), HostVerdict::kLocalFailure);
  EXPECT_EQ(of(ErrorCode::kBadResponse, Side::kUpstream), HostVerdict::kGatewayFailure);
  EXPECT_EQ(of(ErrorCode::kCancelled, Side::kClient), std::nullopt);
  EXPECT_EQ(of(ErrorCode::kOverloaded, Side::kSelf), std::nullopt);
  EXPECT_EQ(of(ErrorCode::kNoEndpoint, Side::kUpstream), std::nullopt);
}

}  // namespace
}  // namespace sluice::breaker
