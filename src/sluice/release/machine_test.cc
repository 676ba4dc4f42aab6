#include "sluice/release/machine.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/release/bucket.h"

namespace sluice::release {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;

PlanOptions Plan() {
  PlanOptions plan{.name = "r", .stable = "a", .candidate = "b"};
  for (const double weight : {1.0, 10.0, 50.0, 100.0})
    plan.steps.push_back({.weight_percent = weight, .bake = seconds(5)});
  return plan;
}

const Verdict kPass{.finding = Finding::kPass, .reason = "passed", .sentence = "PASS"};
const Verdict kFail{
    .finding = Finding::kFail, .reason = "errors", .sentence = "FAIL errors", .critical = true};
const Verdict kHold{.finding = Finding::kHold, .reason = "insufficient_samples"};

// A machine with a world that is well, and everything it said.
struct Life {
  explicit Life(PlanOptions plan = Plan()) : machine(std::move(plan)) {
    around = {.health = {.endpoints = 2, .ready = 2}, .stable_ready = 2, .fingerprint = "v2"};
  }

  Effects Keep(Effects effects) {
    for (const Transition& transition : effects.transitions)
      log.push_back(transition);
    return effects;
  }
  Effects Tick(Nanos passed = seconds(1)) { return Keep(machine.Tick(passed, around)); }
  // The machine's answer; an empty text: done.
  std::string Do(Command command, bool force = false) {
    auto done = machine.Do({.command = command, .actor = "ann", .force = force}, around);
    if (!done) return done.error().text;
    Keep(std::move(*done));
    return "";
  }
  void RunUntil(State state, int ticks_max = 100) {
    for (int i = 0; i < ticks_max && machine.state().state != state; ++i)
      Tick();
    ASSERT_EQ(machine.state().state, state) << machine.Explain();
  }
  void Bake() {
    ASSERT_EQ(Do(Command::kStart), "");
    RunUntil(State::kBaking);
  }

  Machine machine;
  Surroundings around;
  std::vector<Transition> log;
};

TEST(Machine, G13HealthyTrafficCompletesThroughEveryStepInOrder) {
  Life run;
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.around.verdict = kPass;
  run.RunUntil(State::kCompleted);
  std::vector<std::string> states;
  for (const Transition& transition : run.log)
    states.emplace_back(NameOf(transition.to));
  EXPECT_THAT(states,
              ElementsAre("pending", "warming", "routing", "baking", "routing", "baking", "routing",
                          "baking", "routing", "baking", "promoting", "completed"));
  for (std::size_t i = 0; i < run.log.size(); ++i)
    EXPECT_EQ(run.log[i].generation, i + 1);
  EXPECT_EQ(run.machine.state().candidate_buckets, kBuckets);
}

TEST(Machine, G13BakesAtLeastTheSumOfItsSteps) {
  Life run;
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.around.verdict = kPass;
  int ticks = 0;
  for (; run.machine.state().state != State::kCompleted && ticks < 100; ++ticks)
    run.Tick();
  EXPECT_GE(ticks, 20);
}

TEST(Machine, G14AFailureTakesTheWeightAwayAtOnceAndSaysWhy) {
  Life run;
  run.Bake();
  run.around.verdict = kFail;
  const Effects effects = run.Tick();
  EXPECT_TRUE(effects.weight_changed);
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  EXPECT_EQ(run.machine.state().state, State::kAborting);
  run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kRolledBack);
  EXPECT_EQ(run.machine.state().sentence, "FAIL errors");
}

TEST(Machine, OnlyExposedTimeBakes) {
  Life run;
  run.Bake();
  run.around.verdict = kPass;
  run.around.health.ready = 0;
  for (int i = 0; i < 10; ++i)
    run.Tick();
  EXPECT_EQ(run.machine.state().step, 0U);
  run.around.health.ready = 2;
  run.around.is_acknowledged = false;
  for (int i = 0; i < 10; ++i)
    run.Tick();
  EXPECT_EQ(run.machine.state().step, 0U);
  run.around.is_acknowledged = true;
  run.RunUntil(State::kRouting);
  EXPECT_EQ(run.machine.state().step, 1U);
}

TEST(Machine, ATickOfHoursCountsFiveSeconds) {
  Life run;
  run.Bake();
  run.Tick(hours(9));
  EXPECT_EQ(run.machine.state().exposed, seconds(5));
}

TEST(Machine, G17AHoldPausesAndNeverPromotesByItself) {
  Life run;
  run.Bake();
  run.around.verdict = kHold;
  run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kPaused);
  EXPECT_EQ(run.machine.state().reason, "insufficient_samples");
  run.around.verdict = kPass;
  for (int i = 0; i < 5'000; ++i)
    run.Tick(seconds(5));
  EXPECT_EQ(run.machine.state().state, State::kPaused);
  EXPECT_EQ(run.Do(Command::kResume), "");
  EXPECT_EQ(run.machine.state().exposed, Nanos(0));
}

TEST(Machine, AHoldEndsAsThePlanSays) {
  PlanOptions plan = Plan();
  plan.on_hold = OnHold::kAbort;
  Life aborts(plan);
  plan.on_hold = OnHold::kPromote;
  Life promotes(plan);
  for (Life* run : {&aborts, &promotes}) {
    run->Bake();
    run->around.verdict = kHold;
    for (int i = 0; i < 1'441; ++i)
      run->Tick(seconds(5));
  }
  EXPECT_EQ(aborts.machine.state().candidate_buckets, 0U);
  EXPECT_EQ(promotes.machine.state().step, 1U);
}

TEST(Machine, APausedReleaseIsStillRolledBack) {
  Life run;
  run.Bake();
  ASSERT_EQ(run.Do(Command::kPause), "");
  run.around.verdict = kFail;
  run.Tick();
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
}

TEST(Machine, AManualStepWaitsForApproval) {
  PlanOptions plan = Plan();
  plan.steps[0].approve = Approval::kManual;
  Life run(plan);
  run.Bake();
  run.around.verdict = kPass;
  run.RunUntil(State::kPaused);
  EXPECT_EQ(run.machine.state().reason, "approval");
  for (int i = 0; i < 2'000; ++i)
    run.Tick(seconds(5));
  EXPECT_EQ(run.machine.state().state, State::kPaused);
  ASSERT_EQ(run.Do(Command::kApprove), "");
  run.Tick();
  EXPECT_EQ(run.machine.state().step, 1U);
}

TEST(Machine, G23AnAbortedCandidateDoesNotStartAgainUnforced) {
  Life run;
  run.Bake();
  ASSERT_EQ(run.Do(Command::kAbort), "");
  run.RunUntil(State::kRolledBack);
  EXPECT_THAT(run.Do(Command::kStart), testing::HasSubstr("was aborted"));
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  run.around.fingerprint = "v3";
  EXPECT_EQ(run.Do(Command::kStart), "");
  ASSERT_EQ(run.Do(Command::kAbort), "");
  run.RunUntil(State::kRolledBack);
  run.around.fingerprint = "v2";
  EXPECT_EQ(run.Do(Command::kStart, /*force=*/true), "");
}

TEST(Machine, G23TheLatchSurvivesARestart) {
  Life run;
  run.Bake();
  run.around.verdict = kFail;
  run.RunUntil(State::kRolledBack);
  Life after;
  after.machine.Restore(run.machine.state());
  const auto refused = after.machine.Do({.command = Command::kStart}, after.around);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().as, RefusedAs::kLatched);
}

TEST(Machine, G19ARestartGoesOnWhereItWas) {
  Life run;
  run.Bake();
  run.Tick();
  run.Tick();
  Life after;
  after.machine.Restore(run.machine.state());
  EXPECT_EQ(after.machine.state().candidate_buckets, BucketsOfPercent(1));
  EXPECT_EQ(after.machine.state().exposed, seconds(2));
  after.around.verdict = kPass;
  after.RunUntil(State::kCompleted);
}

TEST(Machine, G27AnotherPlanEndsTheRunFirst) {
  Life run;
  run.Bake();
  const Effects effects = run.Keep(run.machine.Supersede("the candidate changed"));
  EXPECT_TRUE(effects.weight_changed);
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  run.RunUntil(State::kRolledBack);
  EXPECT_EQ(run.machine.state().reason, "superseded");
  EXPECT_EQ(run.Do(Command::kStart), "");
}

TEST(Machine, AnotherCandidateOfACompletedReleaseBeginsWithNobody) {
  Life run;
  run.Bake();
  run.around.verdict = kPass;
  run.RunUntil(State::kCompleted);
  const Effects effects = run.Keep(run.machine.Supersede("the candidate changed"));
  EXPECT_TRUE(effects.weight_changed);
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  EXPECT_EQ(run.machine.state().state, State::kDraft);
  EXPECT_EQ(run.log.back().to, State::kDraft);
  EXPECT_EQ(run.Do(Command::kStart), "");
}

TEST(Machine, AFailureIsUndoneEvenWhileADiskRefusesTheStep) {
  Life run;
  run.Bake();
  run.around.verdict = kPass;
  run.RunUntil(State::kRouting);
  run.around.is_acknowledged = false;
  run.Tick();
  ASSERT_EQ(run.machine.state().state, State::kRouting);
  run.around.verdict = kFail;
  EXPECT_TRUE(run.Tick().weight_changed);
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  EXPECT_EQ(run.machine.state().state, State::kAborting);
}

TEST(Machine, OnlyWhatIsUnderWayUsesTheCandidate) {
  Life run;
  EXPECT_FALSE(UsesCandidate(run.machine.state()));
  ASSERT_EQ(run.Do(Command::kStart), "");
  for (int i = 0; i < 10 && run.machine.state().state != State::kRouting; ++i) {
    EXPECT_FALSE(UsesCandidate(run.machine.state())) << NameOf(run.machine.state().state);
    run.Tick();
  }
  EXPECT_TRUE(UsesCandidate(run.machine.state()));
  run.RunUntil(State::kBaking);
  EXPECT_TRUE(UsesCandidate(run.machine.state()));
  ASSERT_EQ(run.Do(Command::kAbort), "");
  EXPECT_FALSE(UsesCandidate(run.machine.state()));
  EXPECT_FALSE(UsesCandidate({.state = State::kSuspended}));
  EXPECT_TRUE(UsesCandidate({.state = State::kAborting, .candidate_buckets = 1}));
  EXPECT_TRUE(UsesCandidate({.state = State::kCompleted, .candidate_buckets = kBuckets}));
  EXPECT_FALSE(UsesCandidate({.state = State::kPaused}));  // Its first hooks have not agreed.
}

TEST(Machine, PreflightRefusesACandidateWithoutEndpoints) {
  Life run;
  run.around.health = {};
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kFailed);
  EXPECT_THAT(run.machine.state().sentence, testing::HasSubstr("no endpoints"));
}

TEST(Machine, ACandidateThatNeverGetsReadyIsGivenUp) {
  Life run;
  run.around.health.ready = 0;
  ASSERT_EQ(run.Do(Command::kStart), "");
  for (int i = 0; i < 70; ++i)
    run.Tick(seconds(5));
  EXPECT_EQ(run.machine.state().state, State::kRolledBack);
  EXPECT_EQ(run.machine.state().reason, "not_ready");
}

TEST(Machine, StepwiseGoesBackByTheStepsUnlessItIsCritical) {
  PlanOptions plan = Plan();
  plan.on_fail = OnFail::kStepwise;
  Life run(plan);
  run.Bake();
  run.around.verdict = kPass;
  for (int i = 0; i < 100 && run.machine.state().step < 2; ++i)
    run.Tick();
  run.around.verdict = {};
  run.RunUntil(State::kBaking);
  ASSERT_EQ(run.Do(Command::kAbort), "");
  EXPECT_EQ(run.machine.state().candidate_buckets, BucketsOfPercent(50));
  run.Tick(seconds(5));
  run.Tick(seconds(5));
  EXPECT_EQ(run.machine.state().candidate_buckets, BucketsOfPercent(10));
  run.around.verdict = kFail;
  const Effects effects = run.Tick();
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  ASSERT_EQ(effects.transitions.size(), 1U);  // Without one, nobody would carry it out.
  EXPECT_EQ(effects.transitions[0].reason, "errors");
  EXPECT_EQ(effects.transitions[0].candidate_buckets, 0U);
  run.RunUntil(State::kRolledBack);
}

TEST(Machine, ASecondAbortTakesTheRestOfAStepwiseOneAtOnce) {
  PlanOptions plan = Plan();
  plan.on_fail = OnFail::kStepwise;
  Life run(plan);
  run.Bake();
  ASSERT_EQ(run.Do(Command::kAbort), "");
  ASSERT_GT(run.machine.state().candidate_buckets, 0U);
  ASSERT_EQ(run.Do(Command::kAbort), "");
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  EXPECT_EQ(run.log.back().candidate_buckets, 0U);
  EXPECT_THAT(run.Do(Command::kAbort), testing::HasSubstr("is aborting"));
  run.RunUntil(State::kRolledBack);
}

TEST(Machine, UndoIsAFlipOfTheWeightWithinItsWindow) {
  Life run;
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.around.verdict = kPass;
  run.RunUntil(State::kCompleted);
  run.around.stable_ready = 0;
  EXPECT_THAT(run.Do(Command::kUndo), testing::HasSubstr("no usable endpoint"));
  run.around.stable_ready = 2;
  EXPECT_EQ(run.Do(Command::kUndo), "");
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
}

TEST(Machine, UndoIsOverAfterItsWindow) {
  Life run;
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.around.verdict = kPass;
  run.RunUntil(State::kCompleted);
  for (int i = 0; i < 361; ++i)
    run.Tick(seconds(5));
  EXPECT_THAT(run.Do(Command::kUndo), testing::HasSubstr("cannot undo now"));
}

TEST(Machine, AStaleGenerationIsRefused) {
  Life run;
  run.Bake();
  const auto refused = run.machine.Do({.command = Command::kPause, .if_generation = 1}, run.around);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().as, RefusedAs::kStale);
}

TEST(Machine, WhatCannotBeDoneNowIsRefused) {
  Life run;
  for (const Command command : {Command::kPause, Command::kResume, Command::kApprove,
                                Command::kPromote, Command::kAbort, Command::kUndo}) {
    EXPECT_THAT(run.Do(command), testing::HasSubstr("is draft"));
  }
  run.Bake();
  EXPECT_THAT(run.Do(Command::kStart), testing::HasSubstr("is baking already"));
}

TEST(Machine, DamagedStateStandsStillAtWeightZero) {
  Life run;
  run.Bake();
  const Effects effects =
      run.Keep(run.machine.Suspend("state_damaged", Machine::SuspendedWeight::kZero));
  EXPECT_TRUE(effects.weight_changed);
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  run.around.verdict = kPass;
  for (int i = 0; i < 100; ++i)
    run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kSuspended);
  ASSERT_EQ(run.Do(Command::kResume), "");
  run.RunUntil(State::kRolledBack);
}

TEST(Machine, NamesReadBack) {
  for (std::size_t i = 0; i < kStates; ++i)
    EXPECT_EQ(StateOf(NameOf(static_cast<State>(i))), static_cast<State>(i));
  EXPECT_EQ(StateOf("purple"), std::nullopt);
  EXPECT_EQ(CommandOf("undo"), Command::kUndo);
  EXPECT_EQ(CommandOf("purple"), std::nullopt);
}

PlanOptions WithHook(HookMoment when, OnHookFailure on_failure = OnHookFailure::kHold) {
  PlanOptions plan = Plan();
  plan.steps[0].hooks.push_back({.when = when, .url = "http://h/", .on_failure = on_failure});
  return plan;
}

HookAnswer Agrees(HookMoment when) {
  return {.when = when, .agreed = true};
}

HookAnswer Objects(HookMoment when, OnHookFailure on_failure) {
  return {.when = when, .agreed = false, .on_failure = on_failure, .sentence = "status 500"};
}

TEST(MachineHooks, NobodyReachesTheCandidateBeforeItsPreHooksAgree) {
  Life run(WithHook(HookMoment::kPre));
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.RunUntil(State::kRouting);
  for (int i = 0; i < 10; ++i)
    run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kRouting);
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  EXPECT_EQ(run.machine.due_hooks(), HookMoment::kPre);
  run.around.hooks = Agrees(HookMoment::kPre);
  const Effects effects = run.Tick();
  EXPECT_TRUE(effects.step_begins);
  EXPECT_EQ(run.machine.state().candidate_buckets, BucketsOfPercent(1));
  EXPECT_EQ(run.machine.due_hooks(), std::nullopt);
  run.RunUntil(State::kBaking);
}

TEST(MachineHooks, APreHookThatObjectsHoldsAndIsAskedAgainOnResume) {
  Life run(WithHook(HookMoment::kPre));
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.around.hooks = Objects(HookMoment::kPre, OnHookFailure::kHold);
  run.RunUntil(State::kPaused);
  EXPECT_EQ(run.machine.state().sentence, "status 500");
  EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
  run.around.hooks.reset();
  ASSERT_EQ(run.Do(Command::kResume), "");
  EXPECT_EQ(run.machine.state().state, State::kRouting);
  EXPECT_EQ(run.machine.due_hooks(), HookMoment::kPre);
}

TEST(MachineHooks, AHookMayRollBack) {
  for (const HookMoment when : {HookMoment::kPre, HookMoment::kDuring, HookMoment::kPost}) {
    Life run(WithHook(when, OnHookFailure::kAbort));
    ASSERT_EQ(run.Do(Command::kStart), "");
    run.around.verdict = kPass;
    run.around.hooks = Objects(when, OnHookFailure::kAbort);
    run.RunUntil(State::kRolledBack);
    EXPECT_EQ(run.machine.state().reason, "hook");
    EXPECT_EQ(run.machine.state().candidate_buckets, 0U);
    EXPECT_NE(run.Do(Command::kStart), "") << "it is latched";
  }
}

TEST(MachineHooks, APassedStepWaitsForItsPostHooks) {
  Life run(WithHook(HookMoment::kPost));
  run.Bake();
  EXPECT_EQ(run.machine.due_hooks(), std::nullopt) << "it has not passed yet";
  run.around.verdict = kPass;
  for (int i = 0; i < 20; ++i)
    run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kBaking);
  EXPECT_EQ(run.machine.state().step, 0U);
  EXPECT_EQ(run.machine.due_hooks(), HookMoment::kPost);
  run.around.hooks = Agrees(HookMoment::kPost);
  run.Tick();
  EXPECT_EQ(run.machine.state().step, 1U);
}

TEST(MachineHooks, AnAnswerOfAnotherMomentDecidesNothing) {
  Life run(WithHook(HookMoment::kPost));
  run.Bake();
  run.around.verdict = kPass;
  run.around.hooks = Agrees(HookMoment::kPre);
  for (int i = 0; i < 20; ++i)
    run.Tick();
  EXPECT_EQ(run.machine.state().step, 0U);
}

TEST(MachineHooks, DuringHooksAreAskedWhileItBakesAndMayHold) {
  Life run(WithHook(HookMoment::kDuring));
  run.Bake();
  EXPECT_EQ(run.machine.due_hooks(), HookMoment::kDuring);
  run.around.hooks = Agrees(HookMoment::kDuring);
  run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kBaking);
  run.around.hooks = Objects(HookMoment::kDuring, OnHookFailure::kHold);
  run.Tick();
  EXPECT_EQ(run.machine.state().state, State::kPaused);
  EXPECT_TRUE(run.machine.state().is_held);
}

TEST(MachineHooks, AFailureBeforeTheNextStepsHooksAgreeStillRollsBack) {
  PlanOptions plan = Plan();
  plan.steps[1].hooks.push_back({.when = HookMoment::kPre, .url = "http://h/"});
  Life run(plan);
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.around.verdict = kPass;
  for (int i = 0; i < 20; ++i)
    run.Tick();
  ASSERT_EQ(run.machine.state().state, State::kRouting);
  EXPECT_EQ(run.machine.state().candidate_buckets, BucketsOfPercent(1)) << "that of before";
  run.around.verdict = kFail;
  run.RunUntil(State::kRolledBack);
}

TEST(Machine, ACandidateOfTheSameEndpointsFailsThePreflight) {
  Life run;
  run.around.is_distinct = false;
  ASSERT_EQ(run.Do(Command::kStart), "");
  run.RunUntil(State::kFailed);
  EXPECT_THAT(run.machine.state().sentence, testing::HasSubstr("cannot change any traffic"));
}

}  // namespace
}  // namespace sluice::release
