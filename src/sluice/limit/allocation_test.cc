// No decision allocates: under overload there is nothing to spare.

#include <chrono>

#include <gtest/gtest.h>

#include "sluice/contract/allocation_count.h"
#include "sluice/limit/key_hash.h"
#include "sluice/limit/rate_limit.h"
#include "sluice/limit/retry_budget.h"

namespace sluice::limit {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

TEST(Allocation, DecisionsOfAnUnkeyedRuleAllocateNothing) {
  const auto rule = *RateLimit::Create({.name = "r", .limit = 100, .burst = 10}, kStart);
  const std::uint64_t before = AllocationCount();
  for (int request = 0; request < 100; ++request) {
    GuardDecision decision = rule->Acquire({}, kStart);
    if (request % 2 == 0) decision.permit.Refund(kStart);
  }
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_GT(rule->Stats().decisions.denied, 0U);
}

TEST(Allocation, DecisionsAboutKnownKeysAllocateNothing) {
  const KeyHasher hasher(1, 2);
  const auto rule = *RateLimit::Create(
      {.name = "r", .limit = 100, .burst = 10, .keying = Keying::kKeyed}, kStart);
  (void)rule->Decide(hasher.Hash("user-42"), 1, kStart);
  const std::uint64_t before = AllocationCount();
  for (int request = 0; request < 100; ++request) {
    const GuardDecision decision = rule->Acquire({.key_hash = hasher.Hash("user-42")}, kStart);
  }
  EXPECT_EQ(AllocationCount(), before);
}

TEST(Allocation, NoAlgorithmAllocatesForAKnownKey) {
  for (const Algorithm algorithm : {Algorithm::kSlidingWindow, Algorithm::kFixedWindow,
                                    Algorithm::kSlidingLog, Algorithm::kPacing}) {
    for (const Keying keying : {Keying::kUnkeyed, Keying::kKeyed}) {
      const auto rule = *RateLimit::Create(
          {.name = "r", .algorithm = algorithm, .limit = 10, .keying = keying}, kStart);
      (void)rule->Decide(7, 1, kStart);
      const std::uint64_t before = AllocationCount();
      for (int request = 0; request < 100; ++request) {
        const SteadyTime now = kStart + request * std::chrono::milliseconds(30);
        GuardDecision decision = rule->Acquire({.key_hash = 7}, now);
        if (request % 3 == 0) decision.permit.Refund(now);
      }
      EXPECT_EQ(AllocationCount(), before) << NameOf(algorithm);
    }
  }
}

TEST(Allocation, AFullTableAllocatesNothing) {
  const auto rule = *RateLimit::Create(
      {.name = "r", .limit = 1, .burst = 1, .keying = Keying::kKeyed, .max_keys = 10}, kStart);
  for (std::uint64_t key = 1; key <= 10; ++key)
    (void)rule->Decide(key, 1, kStart);
  const std::uint64_t before = AllocationCount();
  for (std::uint64_t key = 11; key <= 1'000; ++key)
    (void)rule->Decide(key, 1, kStart);
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_EQ(rule->Stats().keyed.table_full, 990U);
}

TEST(Allocation, RetryTokensAllocateNothing) {
  RetryBudget budget({});
  const std::uint64_t before = AllocationCount();
  {
    const auto token = budget.TryAcquire(100);
    EXPECT_TRUE(token.has_value());
  }
  EXPECT_EQ(AllocationCount(), before);
}

}  // namespace
}  // namespace sluice::limit
