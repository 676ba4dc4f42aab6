#include "sluice/limit/system_rules.h"

#include <deque>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SteadyTime At(int ms) {
  return SteadyTime(seconds(1000) + milliseconds(ms));
}

std::unique_ptr<SystemRules> Make(const SystemRulesOptions& options) {
  Result<std::unique_ptr<SystemRules>> made = SystemRules::Create(options);
  return std::move(*made);
}

constexpr Outcome kDone{.verdict = Verdict::kSuccess};

// Ten calls each 100 ms, each of 20 ms: two at once on average.
void RunSteadily(SystemRules& rules, int from_ms, int to_ms) {
  for (int ms = from_ms; ms < to_ms; ms += 10) {
    SystemDecision decision = rules.Decide(At(ms));
    decision.permit.Settle(kDone, At(ms + 20));
  }
}

TEST(SystemRules, BoundsCallsAtOnceExactly) {
  const auto rules = Make({.max_concurrency = 2});
  std::deque<Permit> held;
  held.push_back(rules->Decide(At(0)).permit);
  held.push_back(rules->Decide(At(0)).permit);
  const SystemDecision refused = rules->Decide(At(0));
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(NameOf(refused.rule), "concurrency");
  held.pop_front();
  EXPECT_TRUE(rules->Decide(At(0)).admitted);
  EXPECT_EQ(rules->Totals(SystemRule::kConcurrency).denied, 1U);
}

TEST(SystemRules, BoundsCallsASecond) {
  const auto rules = Make({.max_qps = 10});
  int admitted = 0;
  for (int ms = 0; ms < 1000; ms += 10) {
    if (rules->Decide(At(ms)).admitted) ++admitted;
  }
  EXPECT_EQ(admitted, 10);
  const SystemDecision refused = rules->Decide(At(999));
  EXPECT_EQ(NameOf(refused.rule), "qps");
  EXPECT_TRUE(rules->Decide(At(1100)).admitted);
}

TEST(SystemRules, WatchesTheMeanTimeOfTheLastSecond) {
  const auto rules = Make({.avg_rt = milliseconds(15)});
  RunSteadily(*rules, 0, 100);
  const SystemDecision refused = rules->Decide(At(100));
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(NameOf(refused.rule), "avg_rt");
  EXPECT_TRUE(rules->Decide(At(1200)).admitted);
}

TEST(SystemRules, TheProcessorAloneDoesNotRefuse) {
  const auto rules = Make({.cpu_threshold = 80});
  RunSteadily(*rules, 0, 2000);
  EXPECT_EQ(rules->Capacity(At(2000)), 2);
  rules->NoteHost(0.95, 0, At(2000));
  std::deque<Permit> held;
  for (int i = 0; i < 3; ++i) {
    SystemDecision decision = rules->Decide(At(2000));
    EXPECT_TRUE(decision.admitted) << i;
    held.push_back(std::move(decision.permit));
  }
  // Three are under way and a fourth asks: more than the two that it was seen to finish.
  const SystemDecision refused = rules->Decide(At(2000));
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(NameOf(refused.rule), "cpu");
  held.clear();
  EXPECT_TRUE(rules->Decide(At(2000)).admitted);
}

TEST(SystemRules, GoesOnTestingForASecondAfterARefusal) {
  const auto rules = Make({.cpu_threshold = 80});
  RunSteadily(*rules, 0, 2000);
  rules->NoteHost(0.95, 0, At(2000));
  std::deque<Permit> held;
  for (int i = 0; i < 3; ++i)
    held.push_back(rules->Decide(At(2000)).permit);
  EXPECT_FALSE(rules->Decide(At(2000)).admitted);
  rules->NoteHost(0, 0, At(1'000'000));  // Long after: the mean is nearly 0.
  EXPECT_LT(rules->cpu_ratio(), 0.01);
  EXPECT_FALSE(rules->Decide(At(2900)).admitted);
  EXPECT_TRUE(rules->Decide(At(3100)).admitted);
}

TEST(SystemRules, WithoutBbrTheThresholdRefuses) {
  const auto rules = Make({.cpu_threshold = 80, .bbr = false});
  rules->NoteHost(0.79, 0, At(0));
  EXPECT_TRUE(rules->Decide(At(0)).admitted);
  const auto loaded = Make({.load1 = 4, .bbr = false});
  loaded->NoteHost(-1, 4.1, At(0));
  const SystemDecision refused = loaded->Decide(At(0));
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(NameOf(refused.rule), "load1");
}

TEST(SystemRules, TheProcessorIsAMeanThatKeeps95PercentInHalfASecond) {
  const auto rules = Make({.cpu_threshold = 80});
  rules->NoteHost(0.5, 0, At(0));
  EXPECT_DOUBLE_EQ(rules->cpu_ratio(), 0.5);
  rules->NoteHost(1.0, 0, At(500));
  EXPECT_NEAR(rules->cpu_ratio(), 0.525, 1e-9);
  rules->NoteHost(-1, 0, At(1000));  // Unknown.
  EXPECT_NEAR(rules->cpu_ratio(), 0.525, 1e-9);
}

TEST(SystemRules, InShadowCountsExactlyWhatItWouldHaveRefused) {
  const auto run = [](GuardMode mode) {
    const auto rules = Make({.max_concurrency = 2, .mode = mode});
    std::deque<Permit> held;
    for (int i = 0; i < 1000; ++i) {
      SystemDecision decision = rules->Decide(At(i));
      if (decision.permit) held.push_back(std::move(decision.permit));
      if (i % 5 == 0 && !held.empty()) held.pop_front();
    }
    return rules->Totals(SystemRule::kConcurrency);
  };
  const DecisionTotals enforced = run(GuardMode::kEnforce);
  EXPECT_GT(enforced.denied, 500U);
  EXPECT_EQ(run(GuardMode::kShadow).would_deny, enforced.denied);
  EXPECT_EQ(run(GuardMode::kShadow).denied, 0U);
  EXPECT_EQ(run(GuardMode::kDisabled).denied, 0U);
}

TEST(SystemRules, CountsCallsUnderWayOfManyThreads) {
  const auto rules = Make({.max_concurrency = 8, .max_qps = 1e9, .avg_rt = seconds(1)});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&rules, i] {
      for (int j = 0; j < 5000; ++j) {
        SystemDecision decision = rules->Decide(At(j));
        if (i % 2 == 0) decision.permit.Settle(kDone, At(j));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(rules->inflight(), 0);
  EXPECT_EQ(rules->Totals(SystemRule::kConcurrency).denied, 0U);
}

TEST(SystemRules, TakesOverNewBounds) {
  const auto rules = Make({.max_concurrency = 1});
  const SystemDecision held = rules->Decide(At(0));
  ASSERT_TRUE(rules->Reconfigure({.max_concurrency = 2}));
  EXPECT_TRUE(rules->Decide(At(0)).admitted);
  EXPECT_FALSE(rules->Reconfigure({.max_concurrency = -1}));
}

TEST(SystemRulesOptions, SayWhatIsWrong) {
  const auto first_of = [](const SystemRulesOptions& options) -> std::string {
    ConfigProblems problems;
    Validate(options, "s", problems);
    return problems.empty() ? "" : problems.front().path;
  };
  EXPECT_EQ(first_of({}), "");
  EXPECT_EQ(first_of({.cpu_threshold = 101}), "s.cpu_threshold");
  EXPECT_EQ(first_of({.load1 = -1}), "s.load1");
  EXPECT_EQ(first_of({.max_concurrency = -1}), "s.max_concurrency");
  EXPECT_EQ(first_of({.max_qps = -1}), "s.max_qps");
  EXPECT_EQ(first_of({.avg_rt = Nanos(-1)}), "s.avg_rt");
  EXPECT_EQ(first_of({.enforce_percent = 101}), "s.enforce_percent");
  EXPECT_FALSE(SystemRules::Create({.cpu_threshold = 101}));
}

}  // namespace
}  // namespace sluice::limit
