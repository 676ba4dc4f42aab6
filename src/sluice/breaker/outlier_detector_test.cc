#include "sluice/breaker/outlier_detector.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr SteadyTime kStart{1h};
constexpr std::size_t kWorkers = 2;

OutlierOptions Plain() {
  return {.name = "pay", .max_ejection_percent = 100};
}

// A detector of some hosts, and the reports that are made to it.
class Hosts {
 public:
  explicit Hosts(std::size_t count, const OutlierOptions& options = Plain())
      : detector(*OutlierDetector::Create(options, kWorkers, 16, 1, kStart)) {
    for (std::size_t slot = 0; slot < count; ++slot)
      detector->Join(slot, "10.0.0." + std::to_string(slot) + ":80", kStart);
  }

  void Report(std::size_t slot, HostVerdict verdict, SteadyTime at, int times = 1) const {
    for (int i = 0; i < times; ++i)
      detector->Report(0, slot, {.verdict = verdict, .started = at}, at);
  }
  void Fail(std::size_t slot, SteadyTime at, int times = 1) const {
    Report(slot, HostVerdict::kServerError, at, times);
  }
  void Succeed(std::size_t slot, SteadyTime at, int times = 1) const {
    Report(slot, HostVerdict::kSuccess, at, times);
  }
  void SucceedIn(Nanos duration, std::size_t slot, SteadyTime at, int times) const {
    for (int i = 0; i < times; ++i)
      detector->Report(1, slot, {.duration = duration, .started = at}, at);
  }
  [[nodiscard]] bool IsIn(std::size_t slot, SteadyTime at) const {
    return detector->Weight(slot, at) > 0;
  }
  [[nodiscard]] EjectionCause CauseOf(std::size_t slot) const {
    return detector->StatusOf(slot, kStart).cause;
  }

  std::unique_ptr<OutlierDetector> detector;
};

std::uint64_t EjectionsOf(const OutlierDetector& detector, EjectionCause cause) {
  return detector.Totals().ejections_total[static_cast<std::size_t>(cause)];
}

TEST(OutlierScenarios, D46_FiveInARowEjectAtOnceForThirtySeconds) {
  const Hosts hosts(3);
  hosts.Fail(0, kStart);
  hosts.Succeed(0, kStart);
  hosts.Fail(0, kStart, 4);
  EXPECT_TRUE(hosts.IsIn(0, kStart));
  hosts.Fail(0, kStart);
  EXPECT_FALSE(hosts.IsIn(0, kStart));
  hosts.detector->Sweep(kStart + 9999ms);
  EXPECT_FALSE(hosts.IsIn(0, kStart + 9999ms));
  EXPECT_FALSE(hosts.IsIn(0, kStart + 30s - 1ms));
  hosts.detector->Sweep(kStart + 30001ms);
  EXPECT_TRUE(hosts.IsIn(0, kStart + 30001ms));
  EXPECT_EQ(hosts.detector->Totals().active, 0U);
}

TEST(OutlierScenarios, D46_EachEjectionInARowLastsLongerUpToTheMost) {
  const Hosts hosts(3);
  SteadyTime at = kStart;
  for (const Nanos expected :
       {30s, 60s, 90s, 120s, 150s, 180s, 210s, 240s, 270s, 300s, 300s, 300s}) {
    hosts.Fail(0, at, 5);
    EXPECT_EQ(hosts.detector->StatusOf(0, at).remaining, expected);
    EXPECT_FALSE(hosts.IsIn(0, at + expected - 1ms));
    at += expected;
    EXPECT_TRUE(hosts.IsIn(0, at));
  }
}

TEST(OutlierScenarios, D47_ARateBelowTheThresholdEjectsWhereThereIsRoom) {
  const auto play = [](double max_percent, bool always_one) {
    OutlierOptions options = Plain();
    options.consecutive_5xx = 0;
    options.max_ejection_percent = max_percent;
    options.always_eject_one_host = always_one;
    Hosts hosts(5, options);
    hosts.Fail(0, kStart, 50);
    hosts.Succeed(0, kStart, 50);
    for (std::size_t slot = 1; slot < 5; ++slot)
      hosts.Succeed(slot, kStart, 100);
    hosts.detector->Sweep(kStart + 10s);
    for (std::size_t slot = 1; slot < 5; ++slot)
      EXPECT_TRUE(hosts.IsIn(slot, kStart + 10s));
    EXPECT_DOUBLE_EQ(hosts.detector->StatusOf(0, kStart + 10s).success_rate, 50);
    return !hosts.IsIn(0, kStart + 10s);
  };
  EXPECT_TRUE(play(20, false));
  EXPECT_FALSE(play(19, false));
  EXPECT_FALSE(play(10, false));
  EXPECT_TRUE(play(10, true));
}

TEST(OutlierScenarios, D47_TooFewHostsOrRequestsAreNotJudged) {
  OutlierOptions options = Plain();
  options.consecutive_5xx = 0;
  const auto play = [&options](std::size_t count, int requests) {
    const Hosts hosts(count, options);
    hosts.Fail(0, kStart, requests);
    for (std::size_t slot = 1; slot < count; ++slot)
      hosts.Succeed(slot, kStart, requests);
    hosts.detector->Sweep(kStart + 10s);
    return !hosts.IsIn(0, kStart + 10s);
  };
  EXPECT_TRUE(play(5, 100));
  EXPECT_FALSE(play(4, 100));
  EXPECT_FALSE(play(5, 99));
}

TEST(OutlierScenarios, D48_AHostFarSlowerThanTheOthersIsEjected) {
  OutlierOptions options = Plain();
  options.latency_factor = 3;
  options.latency_minimum = 50ms;
  const auto play = [&options](Nanos slow, Nanos others, int requests) {
    const Hosts hosts(3, options);
    hosts.SucceedIn(slow, 0, kStart, requests);
    hosts.SucceedIn(others, 1, kStart, 100);
    hosts.SucceedIn(others, 2, kStart, 100);
    hosts.detector->Sweep(kStart + 10s);
    EXPECT_TRUE(hosts.IsIn(1, kStart + 10s));
    if (!hosts.IsIn(0, kStart + 10s)) {
      EXPECT_EQ(hosts.CauseOf(0), EjectionCause::kLatency);
    }
    return !hosts.IsIn(0, kStart + 10s);
  };
  EXPECT_TRUE(play(500ms, 100ms, 100));
  EXPECT_FALSE(play(200ms, 100ms, 100));  // Not three times as slow.
  EXPECT_FALSE(play(40ms, 5ms, 100));     // Fast enough in any case.
  EXPECT_FALSE(play(500ms, 100ms, 99));   // Too few.
}

TEST(OutlierScenarios, D56_ShadowCountsWhatEnforcingEjectsAndTakesNobodyOut) {
  const auto play = [](GuardMode mode) {
    OutlierOptions options = Plain();
    options.mode = mode;
    Hosts hosts(4, options);
    for (int second = 0; second < 400; ++second) {
      const SteadyTime at = kStart + second * 1s;
      hosts.detector->Sweep(at);
      for (std::size_t slot = 0; slot < 4; ++slot) {
        const bool fails = (static_cast<std::size_t>(second) / 7 + slot) % 3 == 0;
        hosts.Report(slot, fails ? HostVerdict::kServerError : HostVerdict::kSuccess, at);
        if (mode == GuardMode::kShadow) {
          EXPECT_TRUE(hosts.IsIn(slot, at));
        }
      }
    }
    return hosts.detector->Totals();
  };
  const OutlierTotals enforced = play(GuardMode::kEnforce);
  const OutlierTotals shadow = play(GuardMode::kShadow);
  EXPECT_GT(enforced.ejections_total[0], 5U);
  EXPECT_EQ(shadow.would_eject_total, enforced.ejections_total);
  EXPECT_EQ(shadow.ejections_total[0], 0U);
}

TEST(OutlierScenarios, D58_AReloadKeepsWhoIsOutAndTakesEffectAtOnce) {
  const Hosts hosts(3);
  hosts.Fail(0, kStart, 5);
  hosts.Fail(1, kStart, 2);
  OutlierOptions stricter = Plain();
  stricter.consecutive_5xx = 3;
  ASSERT_TRUE(hosts.detector->Reconfigure(stricter).has_value());
  EXPECT_FALSE(hosts.IsIn(0, kStart + 1s));
  hosts.Fail(1, kStart + 1s);
  EXPECT_FALSE(hosts.IsIn(1, kStart + 1s));
}

TEST(OutlierScenarios, D58_AReloadWithAProblemChangesNothing) {
  const Hosts hosts(2);
  OutlierOptions bad = Plain();
  bad.interval = 0s;
  const Result<void> refused = hosts.detector->Reconfigure(bad);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().detail, HasSubstr("interval"));
  OutlierOptions other = Plain();
  other.name = "ship";
  EXPECT_FALSE(hosts.detector->Reconfigure(other).has_value());
  hosts.Fail(0, kStart, 5);
  EXPECT_FALSE(hosts.IsIn(0, kStart));
}

TEST(OutlierDetector, BadOptionsMakeNone) {
  const auto made = OutlierDetector::Create({.name = ""}, 1, 1, 1, kStart);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidOption);
}

TEST(OutlierDetector, GatewayFailuresHaveARunOfTheirOwn) {
  OutlierOptions options = Plain();
  options.consecutive_gateway_failure = 3;
  const Hosts hosts(3, options);
  hosts.Report(0, HostVerdict::kGatewayFailure, kStart, 2);
  hosts.Fail(0, kStart);  // Another 5xx ends that run.
  hosts.Report(0, HostVerdict::kGatewayFailure, kStart);
  EXPECT_TRUE(hosts.IsIn(0, kStart));
  hosts.Report(1, HostVerdict::kGatewayFailure, kStart, 2);
  hosts.Report(1, HostVerdict::kLocalFailure, kStart);  // Ours counts as one, unless split.
  EXPECT_FALSE(hosts.IsIn(1, kStart));
  EXPECT_EQ(hosts.CauseOf(1), EjectionCause::kConsecutiveGatewayFailure);
}

TEST(OutlierDetector, SplitErrorsOfOurSideCountApart) {
  OutlierOptions options = Plain();
  options.split_external_local_origin_errors = true;
  options.consecutive_local_origin_failure = 3;
  const Hosts hosts(3, options);
  hosts.Report(0, HostVerdict::kLocalFailure, kStart, 2);
  hosts.Fail(0, kStart, 4);  // An answer: the way to it is there.
  hosts.Report(0, HostVerdict::kLocalFailure, kStart, 2);
  EXPECT_TRUE(hosts.IsIn(0, kStart));
  hosts.Report(0, HostVerdict::kLocalFailure, kStart);
  EXPECT_FALSE(hosts.IsIn(0, kStart));
  EXPECT_EQ(hosts.CauseOf(0), EjectionCause::kConsecutiveLocalOriginFailure);
}

TEST(OutlierDetector, AFailurePercentageEjectsAllThatReachIt) {
  OutlierOptions options = Plain();
  options.consecutive_5xx = 0;
  options.success_rate_stdev_factor = 0;
  options.failure_percentage_threshold = 85;
  const Hosts hosts(5, options);
  for (std::size_t slot = 0; slot < 5; ++slot) {
    const int failed = slot == 0 ? 85 : slot == 1 ? 84 : 0;
    hosts.Fail(slot, kStart, failed);
    hosts.Succeed(slot, kStart, 100 - failed);
  }
  hosts.detector->Sweep(kStart + 10s);
  EXPECT_FALSE(hosts.IsIn(0, kStart + 10s));
  EXPECT_TRUE(hosts.IsIn(1, kStart + 10s));
  EXPECT_EQ(EjectionsOf(*hosts.detector, EjectionCause::kFailurePercentage), 1U);
}

TEST(OutlierDetector, AnIntervalIsJudgedByItsOwnAnswersAlone) {
  OutlierOptions options = Plain();
  options.consecutive_5xx = 0;
  const Hosts hosts(5, options);
  for (std::size_t slot = 0; slot < 5; ++slot)
    hosts.Succeed(slot, kStart, 100);
  hosts.detector->Sweep(kStart + 10s);
  hosts.Fail(0, kStart + 11s, 99);  // With the former hundred it would be enough.
  hosts.detector->Sweep(kStart + 20s);
  EXPECT_TRUE(hosts.IsIn(0, kStart + 20s));
  EXPECT_DOUBLE_EQ(hosts.detector->StatusOf(0, kStart + 20s).success_rate, -1);
}

TEST(OutlierDetector, NoMoreThanThePercentageAreOutAtOnce) {
  OutlierOptions options = Plain();
  options.max_ejection_percent = 50;
  const Hosts hosts(4, options);
  for (std::size_t slot = 0; slot < 3; ++slot)
    hosts.Fail(slot, kStart + static_cast<int>(slot) * 1s, 5);
  EXPECT_FALSE(hosts.IsIn(0, kStart + 2s));
  EXPECT_FALSE(hosts.IsIn(1, kStart + 2s));
  EXPECT_TRUE(hosts.IsIn(2, kStart + 2s));
  EXPECT_EQ(hosts.detector->Totals().overflow_total, 1U);
  // When one is back there is room, even if nobody has swept: the run goes on and counts.
  hosts.Fail(2, kStart + 30s);
  EXPECT_FALSE(hosts.IsIn(2, kStart + 30s));
}

TEST(OutlierDetector, TheOnlyHostIsNeverEjected) {
  const Hosts hosts(1);
  hosts.Fail(0, kStart, 100);
  EXPECT_TRUE(hosts.IsIn(0, kStart));
}

TEST(OutlierDetector, OldAttemptsSayNothingOfAHostThatIsBack) {
  const Hosts hosts(3);
  hosts.Fail(0, kStart, 5);
  const SteadyTime back = kStart + 31s;
  hosts.detector->Sweep(back);
  for (int i = 0; i < 5; ++i) {
    hosts.detector->Report(0, 0, {.verdict = HostVerdict::kServerError, .started = kStart + 29s},
                           back);
  }
  EXPECT_TRUE(hosts.IsIn(0, back));
  hosts.Fail(0, back, 4);
  EXPECT_TRUE(hosts.IsIn(0, back));
  hosts.Fail(0, back);
  EXPECT_FALSE(hosts.IsIn(0, back));
}

TEST(OutlierDetector, AHealthyIntervalTakesOneEjectionBack) {
  const Hosts hosts(3);
  hosts.Fail(0, kStart, 5);
  hosts.Fail(0, kStart + 30s, 5);
  EXPECT_EQ(hosts.detector->StatusOf(0, kStart + 30s).in_a_row, 2);
  // Back at 90 s. It has been in for a whole interval at 100 s, and again at 110 s.
  for (int second = 31; second <= 99; ++second)
    hosts.detector->Sweep(kStart + second * 1s);
  EXPECT_EQ(hosts.detector->StatusOf(0, kStart + 99s).in_a_row, 2);
  for (int second = 100; second <= 111; ++second)
    hosts.detector->Sweep(kStart + second * 1s);
  EXPECT_LE(hosts.detector->StatusOf(0, kStart + 111s).in_a_row, 1);
}

TEST(OutlierDetector, JitterLengthensAnEjectionByAtMostItself) {
  OutlierOptions options = Plain();
  options.max_ejection_time_jitter = 3s;
  Nanos least = 1h;
  Nanos most{0};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto detector = *OutlierDetector::Create(options, 1, 2, seed, kStart);
    detector->Join(0, "a", kStart);
    detector->Join(1, "b", kStart);
    for (int i = 0; i < 5; ++i) {
      detector->Report(0, 0, {.verdict = HostVerdict::kServerError, .started = kStart}, kStart);
    }
    least = std::min(least, detector->StatusOf(0, kStart).remaining);
    most = std::max(most, detector->StatusOf(0, kStart).remaining);
  }
  EXPECT_GE(least, 30s);
  EXPECT_LE(most, 33s);
  EXPECT_GT(most - least, 2s);
}

TEST(OutlierDetector, UnejectingBringsAHostBackWithNothingInARow) {
  const Hosts hosts(3);
  hosts.Fail(0, kStart, 5);
  hosts.detector->Uneject(0, kStart + 1s);
  EXPECT_TRUE(hosts.IsIn(0, kStart + 1s));
  EXPECT_EQ(hosts.detector->StatusOf(0, kStart + 1s).in_a_row, 0);
  EXPECT_EQ(hosts.detector->Totals().unejected_total, 1U);
  hosts.Fail(0, kStart + 1s, 4);
  EXPECT_TRUE(hosts.IsIn(0, kStart + 1s));
  hosts.detector->Uneject(1, kStart + 1s);
  EXPECT_EQ(hosts.detector->Totals().unejected_total, 1U);
}

TEST(OutlierDetector, AHostThatIsBackBeginsOnTheRamp) {
  const Hosts hosts(3);
  const auto ramp = std::make_shared<SlowStart>(SlowStartOptions{.window = 10s}, 16);
  hosts.detector->SetSlowStart(ramp);
  hosts.Fail(0, kStart, 5);
  EXPECT_DOUBLE_EQ(ramp->Weight(0, kStart + 30s), 0.1);
  EXPECT_DOUBLE_EQ(ramp->Weight(0, kStart + 35s), 0.5);
  hosts.Fail(1, kStart, 5);
  hosts.detector->Uneject(1, kStart + 1s);
  EXPECT_DOUBLE_EQ(ramp->Weight(1, kStart + 6s), 0.5);
}

TEST(OutlierDetector, ASlotWithAnotherHostBeginsAnewAndTheSameHostGoesOn) {
  const Hosts hosts(3);
  hosts.Fail(0, kStart, 5);
  hosts.Fail(1, kStart, 5);
  hosts.detector->Leave(0);
  hosts.detector->Leave(1);
  EXPECT_EQ(hosts.detector->Totals().active, 0U);
  hosts.detector->Join(0, "10.0.0.0:80", kStart + 1s);
  hosts.detector->Join(1, "10.9.9.9:80", kStart + 1s);
  EXPECT_FALSE(hosts.IsIn(0, kStart + 1s));
  EXPECT_TRUE(hosts.IsIn(1, kStart + 1s));
  EXPECT_EQ(hosts.detector->StatusOf(1, kStart + 1s).ejections_total, 0U);
  EXPECT_EQ(hosts.detector->Totals().active, 1U);
  EXPECT_EQ(hosts.detector->Totals().hosts, 3U);
}

TEST(OutlierDetector, DisabledJudgesNobody) {
  OutlierOptions options = Plain();
  options.mode = GuardMode::kDisabled;
  const Hosts hosts(3, options);
  hosts.Fail(0, kStart, 100);
  hosts.detector->Sweep(kStart + 10s);
  EXPECT_TRUE(hosts.IsIn(0, kStart + 10s));
  EXPECT_EQ(hosts.detector->Totals().active, 0U);
}

TEST(OutlierDetector, EnforcePercentTakesOutThatPart) {
  OutlierOptions options = Plain();
  options.enforce_percent = 50;
  const Hosts hosts(8, options);
  for (std::size_t slot = 0; slot < 8; ++slot)
    hosts.Fail(slot, kStart, 5);
  const OutlierTotals totals = hosts.detector->Totals();
  EXPECT_EQ(totals.ejections_total[0], 4U);
  EXPECT_EQ(totals.would_eject_total[0], 4U);
}

TEST(OutlierDetector, UnknownSlotsAreInAndSayNothing) {
  const Hosts hosts(1);
  hosts.Fail(9, kStart, 100);
  hosts.detector->Leave(9);
  hosts.detector->Uneject(9, kStart);
  EXPECT_TRUE(hosts.IsIn(9, kStart));
  EXPECT_FALSE(hosts.detector->StatusOf(9, kStart).is_ejected);
}

TEST(OutlierDetector, CausesHaveEnvoysNames) {
  EXPECT_EQ(NameOf(EjectionCause::kConsecutive5xx), "consecutive_5xx");
  EXPECT_EQ(NameOf(EjectionCause::kSuccessRate), "success_rate");
  EXPECT_EQ(NameOf(EjectionCause::kFailurePercentage), "failure_percentage");
  EXPECT_EQ(NameOf(EjectionCause::kLatency), "latency");
}

}  // namespace
}  // namespace sluice::breaker
