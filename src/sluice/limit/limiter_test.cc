// What all kinds of counting have in common; each has a test of its own beside this one.

#include "sluice/limit/limiter.h"

#include <array>
#include <chrono>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;

constexpr SteadyTime kStart{1h};
constexpr std::uint64_t kAnn = 0x1234'5678'9abc'def0;

constexpr std::array kAllAlgorithms = {Algorithm::kGcra, Algorithm::kSlidingWindow,
                                       Algorithm::kFixedWindow, Algorithm::kSlidingLog,
                                       Algorithm::kPacing};

RateLimitOptions Of(Algorithm algorithm) {
  return {.name = "r", .algorithm = algorithm, .limit = 10};
}

RateLimitOptions Warming() {
  RateLimitOptions options = Of(Algorithm::kGcra);
  options.warm_up = WarmUpOptions();
  return options;
}

TEST(Limiter, TheCapacityIsWhatOneRequestCanTakeAndNoMore) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    SCOPED_TRACE(NameOf(algorithm));
    RateLimitOptions options = Of(algorithm);
    options.keying = Keying::kKeyed;
    options.overrides = {{.key_hash = kAnn, .limit = 30}};
    const auto limiter = MakeLimiter(options, kStart);
    const auto most = static_cast<std::uint32_t>(limiter->Capacity(kAnn));
    EXPECT_EQ(most, algorithm == Algorithm::kPacing ? 16U : 30U);
    EXPECT_EQ(limiter->TryTake(kAnn, most + 1, {.now = kStart}).retry_after, kNeverAdmitted);
    EXPECT_TRUE(limiter->TryTake(kAnn, most, {.now = kStart}).admitted);
    EXPECT_EQ(limiter->Capacity(1), CapacityOf(options));
  }
  EXPECT_EQ(MakeLimiter(Warming(), kStart)->Capacity(0), 10);
}

TEST(Limiter, WithoutAKeyAllRequestsAreCountedTogether) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    SCOPED_TRACE(NameOf(algorithm));
    const auto limiter = MakeLimiter(Of(algorithm), kStart);
    while (limiter->TryTake(0, 1, {.now = kStart}).admitted) {
    }
    EXPECT_EQ(limiter->Stats().keys, 1U);
    EXPECT_EQ(limiter->Stats().table_full, 0U);
  }
}

TEST(Limiter, NewNumbersHoldForWarmingLimitsToo) {
  RateLimitOptions options = Warming();
  const auto limiter = MakeLimiter(options, kStart);
  options.limit = 40;
  limiter->Reconfigure(options);
  EXPECT_EQ(limiter->Capacity(0), 40);
  EXPECT_EQ(limiter->Stats().keys, 0U);
}

TEST(Limiter, OnlyAWarmingLimitCanBeMadeCold) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    const auto limiter = MakeLimiter(Of(algorithm), kStart);
    const std::int64_t before = limiter->TryTake(0, 0, {.now = kStart}).level.remaining();
    limiter->Rewarm(kStart);
    EXPECT_EQ(limiter->TryTake(0, 0, {.now = kStart}).level.remaining(), before);
  }
}

}  // namespace
}  // namespace sluice::limit
