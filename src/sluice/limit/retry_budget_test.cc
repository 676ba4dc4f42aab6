#include "sluice/limit/retry_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

int Acquire(RetryBudget& budget, std::int64_t in_flight, std::vector<RetryBudget::Token>& held) {
  int acquired = 0;
  while (std::optional<RetryBudget::Token> token = budget.TryAcquire(in_flight)) {
    held.push_back(std::move(*token));
    ++acquired;
  }
  return acquired;
}

TEST(RetryBudgetScenarios, D51_TwentyPercentButAtLeastThree) {
  RetryBudget budget({.budget_percent = 20, .min_retry_concurrency = 3});
  std::vector<RetryBudget::Token> held;
  EXPECT_EQ(Acquire(budget, 100, held), 20);
  held.clear();
  EXPECT_EQ(Acquire(budget, 10, held), 3);
  EXPECT_EQ(budget.refused_total(), 2U);
}

TEST(RetryBudget, ATokenGivesItsPlaceBackOnce) {
  RetryBudget budget({.budget_percent = 0, .min_retry_concurrency = 1});
  {
    std::optional<RetryBudget::Token> token = budget.TryAcquire(0);
    ASSERT_TRUE(token.has_value());
    const RetryBudget::Token moved = std::move(*token);
    EXPECT_EQ(budget.active_retries(), 1);
    EXPECT_FALSE(budget.TryAcquire(0).has_value());
  }
  EXPECT_EQ(budget.active_retries(), 0);
}

TEST(RetryBudget, NothingIsAllowedWithoutAPartAndAMinimum) {
  RetryBudget budget({.budget_percent = 0, .min_retry_concurrency = 0});
  EXPECT_FALSE(budget.TryAcquire(1'000).has_value());
}

TEST(RetryBudget, ReconfiguringKeepsRetriesInFlight) {
  RetryBudget budget({.budget_percent = 50, .min_retry_concurrency = 0});
  std::vector<RetryBudget::Token> held;
  ASSERT_EQ(Acquire(budget, 10, held), 5);
  budget.Reconfigure({.budget_percent = 60, .min_retry_concurrency = 0});
  EXPECT_EQ(Acquire(budget, 10, held), 1);
}

TEST(RetryBudget, ThreadsTogetherNeverHoldMoreThanTheBudget) {
  RetryBudget budget({.budget_percent = 10, .min_retry_concurrency = 0});
  std::atomic<std::int64_t> held{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      for (int round = 0; round < 2'000; ++round) {
        const std::optional<RetryBudget::Token> token = budget.TryAcquire(20);
        if (!token) continue;
        if (held.fetch_add(1) >= 2) exceeded = true;
        held.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_FALSE(exceeded.load());
  EXPECT_EQ(budget.active_retries(), 0);
}

TEST(RetryBudget, EachOptionOutOfItsRangeIsNamed) {
  ConfigProblems problems;
  Validate(RetryBudgetOptions{.budget_percent = 101, .min_retry_concurrency = -1}, "r", problems);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].path, "r.budget_percent");
  EXPECT_EQ(problems[1].path, "r.min_retry_concurrency");
  problems.clear();
  Validate(RetryBudgetOptions{}, "r", problems);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace sluice::limit
