#include "sluice/limit/concurrency_limit.h"

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = ConcurrencyDecision::Kind;

SteadyTime At(int ms) {
  return SteadyTime(milliseconds(ms));
}

ConcurrencyOptions Fixed(std::int64_t limit) {
  return {.name = "pay", .algorithm = ConcurrencyAlgorithm::kFixed, .initial_limit = limit};
}

std::unique_ptr<ConcurrencyLimit> Make(const ConcurrencyOptions& options) {
  Result<std::unique_ptr<ConcurrencyLimit>> made = ConcurrencyLimit::Create(options, At(0));
  return std::move(*made);
}

constexpr Outcome kDone{.verdict = Verdict::kSuccess, .duration = milliseconds(10)};

TEST(ConcurrencyLimit, LetsInExactlyTheLimitAndOneMoreForEachThatLeaves) {
  const auto limit = Make(Fixed(2));
  ConcurrencyDecision first = limit->TryEnter(0, At(0));
  ConcurrencyDecision second = limit->TryEnter(0, At(0));
  EXPECT_EQ(first.kind, Kind::kAdmitted);
  EXPECT_EQ(second.kind, Kind::kAdmitted);
  EXPECT_EQ(limit->TryEnter(0, At(0)).kind, Kind::kRefused);
  first.permit.Settle(kDone, At(1));
  EXPECT_EQ(limit->inflight(), 1);
  ConcurrencyDecision third = limit->TryEnter(0, At(1));
  EXPECT_EQ(third.kind, Kind::kAdmitted);
  third.permit.Refund(At(1));
  {
    const Permit dropped = std::move(second.permit);
  }
  EXPECT_EQ(limit->inflight(), 0);
  EXPECT_EQ(limit->Stats().decisions.allowed, 3U);
  EXPECT_EQ(limit->Stats().decisions.denied, 1U);
}

TEST(ConcurrencyLimit, TellsHowLongSlotsWereHeld) {
  const auto limit = Make(Fixed(3));
  ConcurrencyDecision first = limit->TryEnter(0, At(0));
  ConcurrencyDecision second = limit->TryEnter(0, At(5));
  ConcurrencyDecision third = limit->TryEnter(0, At(5));
  first.permit.Settle(kDone, At(20));
  second.permit.Settle({.verdict = Verdict::kFailure}, At(25));
  third.permit.Refund(At(30));  // Never went on.
  EXPECT_EQ(limit->Stats().held, milliseconds(40));
}

TEST(ConcurrencyLimit, IsAGuard) {
  const auto limit = Make(Fixed(1));
  Guard& guard = *limit;
  GuardDecision admitted = guard.Acquire({}, At(0));
  EXPECT_TRUE(admitted.admitted);
  EXPECT_FALSE(guard.Acquire({}, At(0)).admitted);
  EXPECT_EQ(guard.kind(), "concurrency");
  EXPECT_EQ(guard.rule(), "pay");
  EXPECT_EQ(guard.refusal(), ErrorCode::kOverloaded);
}

TEST(ConcurrencyLimit, NeverHasMoreInThanTheLimitWhateverTheThreadsDo) {
  const auto limit = Make(Fixed(10));
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      std::vector<Permit> held;
      for (int j = 0; j < 20'000; ++j) {
        ConcurrencyDecision decision = limit->TryEnter(0, At(j));
        if (decision.kind == Kind::kAdmitted) {
          const int now = inside.fetch_add(1) + 1;
          int before = most.load();
          while (now > before && !most.compare_exchange_weak(before, now)) {
          }
          held.push_back(std::move(decision.permit));
        }
        if (held.size() == 5 || (j % 3 == 0 && !held.empty())) {
          inside.fetch_sub(1);
          held.back().Settle(kDone, At(j));
          held.pop_back();
        }
      }
      inside.fetch_sub(static_cast<int>(held.size()));
    });
  }
  threads.clear();
  EXPECT_LE(most.load(), 10);
  EXPECT_EQ(limit->inflight(), 0);
}

TEST(ConcurrencyLimit, InShadowCountsExactlyWhatItWouldHaveRefused) {
  ConcurrencyOptions options = Fixed(3);
  const auto enforced = Make(options);
  options.mode = GuardMode::kShadow;
  const auto shadow = Make(options);
  for (const auto& limit : {enforced.get(), shadow.get()}) {
    std::deque<Permit> held;
    for (int i = 0; i < 1000; ++i) {
      ConcurrencyDecision decision = limit->TryEnter(0, At(i));
      if (decision.permit) held.push_back(std::move(decision.permit));
      if (i % 7 == 0 && !held.empty()) held.pop_front();
    }
  }
  EXPECT_GT(enforced->Stats().decisions.denied, 500U);
  EXPECT_EQ(shadow->Stats().decisions.denied, 0U);
  EXPECT_EQ(shadow->Stats().decisions.would_deny, enforced->Stats().decisions.denied);
}

TEST(ConcurrencyLimit, CarriesOutTheEnforcedPartOfItsRefusals) {
  ConcurrencyOptions options = Fixed(1);
  options.enforce_percent = 25;
  const auto limit = Make(options);
  const ConcurrencyDecision held = limit->TryEnter(0, At(0));
  for (int i = 0; i < 100; ++i)
    static_cast<void>(limit->TryEnter(0, At(0)));
  EXPECT_EQ(limit->Stats().decisions.denied, 25U);
  EXPECT_EQ(limit->Stats().decisions.would_deny, 75U);
}

TEST(ConcurrencyLimit, DisabledLetsEverythingIn) {
  ConcurrencyOptions options = Fixed(1);
  options.mode = GuardMode::kDisabled;
  const auto limit = Make(options);
  for (int i = 0; i < 10; ++i) {
    const ConcurrencyDecision decision = limit->TryEnter(0, At(0));
    EXPECT_EQ(decision.kind, Kind::kAdmitted);
    EXPECT_FALSE(decision.permit);
  }
  EXPECT_EQ(limit->inflight(), 0);
}

TEST(ConcurrencyLimit, APartitionKeepsItsPartWhenOthersHaveTakenAllSlots) {
  ConcurrencyOptions options = Fixed(10);
  options.partitions = {{.name = "live", .ratio = 0.9}, {.name = "batch", .ratio = 0.1}};
  const auto limit = Make(options);
  const std::uint32_t live = limit->PartitionOf("live");
  const std::uint32_t batch = limit->PartitionOf("batch");
  std::vector<Permit> held;
  for (int i = 0; i < 10; ++i)
    held.push_back(limit->TryEnter(batch, At(0)).permit);  // While there is room: all of it.
  EXPECT_EQ(limit->TryEnter(batch, At(0)).kind, Kind::kRefused);
  EXPECT_EQ(limit->TryEnter(Partitions::kNone, At(0)).kind, Kind::kRefused);
  for (int i = 0; i < 9; ++i)
    held.push_back(limit->TryEnter(live, At(0)).permit);
  EXPECT_EQ(limit->TryEnter(live, At(0)).kind, Kind::kRefused);
  held.clear();
  EXPECT_EQ(limit->inflight(), 0);
  EXPECT_EQ(limit->partitions().busy(live), 0);
  EXPECT_EQ(limit->partitions().busy(batch), 0);
}

TEST(ConcurrencyLimit, AnAdaptiveLimitFollowsItsWindows) {
  ConcurrencyOptions options{.name = "pay", .algorithm = ConcurrencyAlgorithm::kAimd};
  options.window = {.min = seconds(1), .max = seconds(30), .min_samples = 10};
  const auto limit = Make(options);
  const auto run = [&limit](int from_ms, const Outcome& outcome) {
    std::vector<Permit> held;
    for (int i = 0; i < 15; ++i)
      held.push_back(limit->TryEnter(0, At(from_ms)).permit);
    for (Permit& permit : held)
      permit.Settle(outcome, At(from_ms + 10));
  };
  run(0, kDone);
  EXPECT_EQ(limit->limit(), 20);  // The window is not over.
  run(1000, kDone);
  EXPECT_EQ(limit->limit(), 21);
  run(1500, {.verdict = Verdict::kFailure, .duration = milliseconds(10)});
  run(2100, kDone);
  EXPECT_EQ(limit->limit(), 18);  // 21 x 0.9.
}

TEST(ConcurrencyLimit, AFewDropsAmongManyCallsTakeNothing) {
  const auto limit_after = [](int drops) {
    ConcurrencyOptions options{.name = "pay", .algorithm = ConcurrencyAlgorithm::kAimd};
    options.window = {.min = seconds(1), .max = seconds(30), .min_samples = 10};
    const auto limit = Make(options);
    for (int second = 0; second < 60; ++second) {
      for (int call = 0; call < 40; ++call) {
        Permit permit = limit->TryEnter(0, At(second * 1000)).permit;
        const Verdict verdict = call < drops ? Verdict::kFailure : Verdict::kSuccess;
        permit.Settle({.verdict = verdict, .duration = milliseconds(10)}, At(second * 1000 + 10));
      }
    }
    return limit->limit();
  };
  EXPECT_EQ(limit_after(1), 20);  // One in forty, every second.
  EXPECT_EQ(limit_after(2), 4);   // One in twenty: the least there is.
}

TEST(ConcurrencyLimit, LearnsNothingFromWhatSaysNothing) {
  ConcurrencyOptions options{.name = "pay", .algorithm = ConcurrencyAlgorithm::kAimd};
  options.window = {.min = seconds(1), .max = seconds(2), .min_samples = 1};
  const auto limit = Make(options);
  for (int ms = 0; ms < 10'000; ms += 100) {
    ConcurrencyDecision decision = limit->TryEnter(0, At(ms));
    decision.permit.Settle({.verdict = Verdict::kIgnored}, At(ms));
  }
  EXPECT_EQ(limit->limit(), 20);
}

TEST(ConcurrencyLimit, AWindowWithoutEnoughSamplesStartsAnew) {
  ConcurrencyOptions options{.name = "pay", .algorithm = ConcurrencyAlgorithm::kAimd};
  options.window = {.min = seconds(1), .max = seconds(5), .min_samples = 10};
  const auto limit = Make(options);
  for (int ms = 0; ms < 60'000; ms += 1000) {
    std::vector<Permit> held;
    held.push_back(limit->TryEnter(0, At(ms)).permit);
    held.back().Settle({.verdict = Verdict::kFailure}, At(ms + 10));
  }
  EXPECT_EQ(limit->limit(), 20);  // One a second is never ten in five.
}

TEST(ConcurrencyLimit, KeepsWhatItHasLearntOverAReload) {
  ConcurrencyOptions options{.name = "pay", .algorithm = ConcurrencyAlgorithm::kAimd};
  options.window.min_samples = 1;
  const auto limit = Make(options);
  for (int i = 1; i <= 5; ++i) {
    std::vector<Permit> held;
    for (int j = 0; j < 20; ++j)
      held.push_back(limit->TryEnter(0, At(i * 2000)).permit);
    for (Permit& permit : held)
      permit.Settle(kDone, At(i * 2000 + 10));
  }
  EXPECT_EQ(limit->limit(), 25);
  const ConcurrencyDecision held = limit->TryEnter(0, At(20'000));
  options.max_limit = 500;
  ASSERT_TRUE(limit->Reconfigure(options, At(20'000)));
  EXPECT_EQ(limit->limit(), 25);
  EXPECT_EQ(limit->inflight(), 1);
  options.max_limit = 22;
  ASSERT_TRUE(limit->Reconfigure(options, At(20'000)));
  EXPECT_EQ(limit->limit(), 22);
}

// One window of 20 calls at once, all with the same outcome.
void RunWindow(ConcurrencyLimit& limit, int second, const Outcome& outcome) {
  std::vector<Permit> held;
  const auto count = static_cast<int>(limit.limit());
  for (int i = 0; i < count; ++i)
    held.push_back(limit.TryEnter(0, At(second * 1000)).permit);
  for (Permit& permit : held)
    permit.Settle(outcome, At(second * 1000 + 10));
}

TEST(ConcurrencyLimit, AReloadChangesHowItLearns) {
  for (const ConcurrencyAlgorithm algorithm :
       {ConcurrencyAlgorithm::kAimd, ConcurrencyAlgorithm::kVegas,
        ConcurrencyAlgorithm::kGradient2}) {
    ConcurrencyOptions options{.name = "pay", .algorithm = algorithm, .initial_limit = 100};
    options.window.min_samples = 1;
    options.smoothing = 1;
    const auto limit = Make(options);
    options.backoff_ratio = 0.5;
    ASSERT_TRUE(limit->Reconfigure(options, At(0)));
    RunWindow(*limit, 1, {.verdict = Verdict::kFailure});
    EXPECT_EQ(limit->limit(), 50) << static_cast<int>(algorithm);
    if (algorithm == ConcurrencyAlgorithm::kGradient2) continue;  // Drops are not smoothed there.
    options.smoothing = 0.5;
    ASSERT_TRUE(limit->Reconfigure(options, At(2000)));
    RunWindow(*limit, 3, {.verdict = Verdict::kFailure});
    EXPECT_EQ(limit->limit(), algorithm == ConcurrencyAlgorithm::kVegas ? 37 : 25);
  }
}

TEST(ConcurrencyLimit, AReloadChangesHowFarALimitMayBeAboveItsUse) {
  ConcurrencyOptions options{.name = "pay", .initial_limit = 100, .min_limit = 1};
  options.window.min_samples = 1;
  const auto limit = Make(options);
  const auto use_ten = [&limit](int second) {
    std::vector<Permit> held;
    for (int i = 0; i < 10; ++i)
      held.push_back(limit->TryEnter(0, At(second * 1000)).permit);
    for (Permit& permit : held)
      permit.Settle(kDone, At(second * 1000 + 10));
  };
  options.max_limit_factor = 20;
  ASSERT_TRUE(limit->Reconfigure(options, At(0)));
  for (int second = 1; second < 20; ++second)
    use_ten(second);
  EXPECT_EQ(limit->limit(), 100);
  options.max_limit_factor = 5;
  ASSERT_TRUE(limit->Reconfigure(options, At(20'000)));
  for (int second = 21; second < 120; ++second)
    use_ten(second);
  EXPECT_EQ(limit->limit(), 50);
}

TEST(ConcurrencyLimit, AReloadChangesHowOldABaselineIs) {
  ConcurrencyOptions options{.name = "pay", .initial_limit = 10};
  options.window.min_samples = 1;
  options.baseline_window = 1000;
  const auto limit = Make(options);
  int second = 1;
  const auto run = [&](int windows, int ms) {
    for (int i = 0; i < windows; ++i, ++second)
      RunWindow(*limit, second, {.verdict = Verdict::kSuccess, .duration = milliseconds(ms)});
    return limit->Stats().baseline;
  };
  EXPECT_GE(run(20, 100), milliseconds(99));
  EXPECT_GE(run(20, 50), milliseconds(95));  // A thousand windows old.
  options.baseline_window = 1;
  ASSERT_TRUE(limit->Reconfigure(options, At(second * 1000)));
  EXPECT_LE(run(20, 50), milliseconds(51));
}

TEST(ConcurrencyLimit, RefusesToBecomeAnother) {
  const auto limit = Make(Fixed(2));
  ConcurrencyOptions other = Fixed(2);
  other.name = "book";
  EXPECT_FALSE(limit->Reconfigure(other, At(0)));
  other = Fixed(2);
  other.algorithm = ConcurrencyAlgorithm::kVegas;
  EXPECT_FALSE(limit->CanBecome(other));
  other = Fixed(2);
  other.partitions = {{.name = "live", .ratio = 1}};
  EXPECT_FALSE(limit->CanBecome(other));
  other = Fixed(0);
  EXPECT_FALSE(limit->Reconfigure(other, At(0)));
  EXPECT_EQ(limit->limit(), 2);
}

TEST(ConcurrencyOptions, SayWhatIsWrong) {
  const auto first_of = [](const ConcurrencyOptions& options) -> std::string {
    ConfigProblems problems;
    Validate(options, "c", problems);
    return problems.empty() ? "" : problems.front().path;
  };
  EXPECT_EQ(first_of({.name = "a"}), "");
  EXPECT_EQ(first_of({}), "c.name");
  EXPECT_EQ(first_of({.name = "a", .initial_limit = 0}), "c.initial_limit");
  EXPECT_EQ(first_of({.name = "a", .min_limit = 0}), "c.min_limit");
  EXPECT_EQ(first_of({.name = "a", .min_limit = 30, .max_limit = 20}), "c.min_limit");
  EXPECT_EQ(first_of({.name = "a", .max_limit = 2'000'000}), "c.max_limit");
  EXPECT_EQ(first_of({.name = "a", .window = {.min = Nanos(1)}}), "c.window.min");
  EXPECT_EQ(first_of({.name = "a", .window = {.max = std::chrono::hours(1)}}), "c.window.max");
  EXPECT_EQ(first_of({.name = "a", .window = {.min_samples = 0}}), "c.window.min_samples");
  EXPECT_EQ(first_of({.name = "a", .quantile = 1}), "c.quantile");
  EXPECT_EQ(first_of({.name = "a", .baseline_window = 0}), "c.baseline_window");
  EXPECT_EQ(first_of({.name = "a", .max_limit_factor = 0}), "c.max_limit_factor");
  EXPECT_EQ(first_of({.name = "a", .smoothing = 2}), "c.smoothing");
  EXPECT_EQ(first_of({.name = "a", .backoff_ratio = 1}), "c.backoff_ratio");
  EXPECT_EQ(first_of({.name = "a", .enforce_percent = 101}), "c.enforce_percent");
  EXPECT_EQ(first_of({.name = "a", .queue = AdmissionQueueOptions{.max_rejection_factor = 1}}),
            "c.queue.max_rejection_factor");
  EXPECT_EQ(first_of({.name = "a", .partitions = {{.name = "p", .ratio = 2}}}), "c.partitions.p");
  EXPECT_FALSE(ConcurrencyLimit::Create({}, At(0)));
}

}  // namespace
}  // namespace sluice::limit
