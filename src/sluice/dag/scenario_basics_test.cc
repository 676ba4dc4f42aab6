// The scenarios of dependent calls, D01 to D11 and D21: order, failure, degradation, time.

#include "sluice/dag/dag_fixture.h"
#include "sluice/dag/run.h"
#include "sluice/dag/run_block.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {
namespace {

TEST(DagScenario, D01_AChainStartsEachNodeAtTheEndOfTheOneBefore) {
  DagWorld w;
  Builder<Order> b("chain");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto c = b.Node("B", w.Body({.takes = 20ms}), a);
  const auto d = b.Node("C", w.Body({.takes = 5ms, .value = 7}), c);
  OneRun run(w, std::move(b).Build(d));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 35);
  ASSERT_TRUE(run.outcome());
  EXPECT_EQ(*run.outcome(), 7);
  EXPECT_THAT(w.diary, ElementsAre("A@0", "B@10", "C@30"));
}

TEST(DagScenario, D02_ADiamondRunsItsSidesAtOnceInDeclarationOrder) {
  DagWorld w;
  Builder<Order> b("diamond");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto left = b.Node("B", w.Body({.takes = 30ms}), a);
  const auto right = b.Node("C", w.Body({.takes = 20ms}), a);
  const auto d = b.Node("D", w.Body({.takes = 5ms}), left, right);
  OneRun run(w, std::move(b).Build(d));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 45);
  EXPECT_THAT(w.diary, ElementsAre("A@0", "B@10", "C@10", "D@40"));
}

TEST(DagScenario, D04_ANodeThatNobodyNeedsNeverStarts) {
  DagWorld w;
  Builder<Order> b("unneeded");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  b.Node("E", w.Body({.takes = 100ms}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 10);
  EXPECT_THAT(w.diary, ElementsAre("A@0"));
  EXPECT_EQ(run.outcome().StateOf("E"), NodeState::kNotNeeded);
  EXPECT_EQ(NameOf(run.outcome().StateOf("E")), "skipped(not_needed)");
}

TEST(DagScenario, D04_AnEffectStartsButTheResultDoesNotWaitForIt) {
  DagWorld w;
  Builder<Order> b("effect");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto e = b.Node("E", w.Body({.takes = 100ms}), b.input());
  b.Effect(e);
  OneRun run(w, std::move(b).Build(a));
  w.world.RunFor(10ms);

  EXPECT_EQ(run.at_ms(), 10);
  EXPECT_THAT(w.diary, ElementsAre("A@0", "E@0"));
  EXPECT_EQ(run.outcome().StateOf("E"), NodeState::kRunning);
  run.ToTheEnd();
  EXPECT_EQ(run.outcome().StateOf("E"), NodeState::kSucceeded);
  EXPECT_EQ(w.ms(), 100);
}

TEST(DagScenario, D05_ARequiredNodeThatFailsEndsTheRunAtOnce) {
  DagWorld w;
  Builder<Order> b("required");
  const auto fails = b.Node("B", w.Body({.takes = 20ms, .fails = true}), b.input());
  const auto slow = b.Node("C", w.Body({.takes = 100ms}), b.input());
  const auto d = b.Node("D", w.Body({}), fails, slow);
  OneRun run(w, std::move(b).Build(d));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 20);
  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.outcome().error()->node, "B");
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kFailed);
  EXPECT_EQ(run.outcome().error()->cause.detail, "scripted");
  EXPECT_EQ(run.outcome().StateOf("B"), NodeState::kFailed);
  EXPECT_EQ(run.outcome().StateOf("C"), NodeState::kCancelled);
  EXPECT_EQ(run.outcome().StateOf("D"), NodeState::kSkipped);
  EXPECT_THAT(w.diary, ElementsAre("B@0", "C@0", "C stopped@20"));
  EXPECT_EQ(w.ms(), 20);  // Nothing is left to wait for.
}

TEST(DagScenario, D05_ABodyThatIgnoresTheStopKeepsTheBlockButNotTheResult) {
  DagWorld w;
  Builder<Order> b("stubborn");
  const auto fails = b.Node("B", w.Body({.takes = 20ms, .fails = true}), b.input());
  const auto slow = b.Node("C", w.Body({.takes = 100ms, .ignores_stop = true}), b.input());
  const auto d = b.Node("D", w.Body({}), fails, slow);
  OneRun run(w, std::move(b).Build(d));
  w.world.RunFor(99ms);

  EXPECT_EQ(run.at_ms(), 20);
  EXPECT_EQ(run.runner.in_flight(), 1U);
  w.world.RunFor(1ms);
  EXPECT_EQ(run.runner.in_flight(), 0U);
  EXPECT_EQ(run.outcome().late_results(), 1U);
  EXPECT_EQ(run.outcome().StateOf("C"), NodeState::kCancelled);
}

TEST(DagScenario, D05_UnderCancelDependentsOnlyIndependentEffectsGoOn) {
  DagWorld w;
  Builder<Order> b("independent");
  const auto fails = b.Node("B", w.Body({.takes = 20ms, .fails = true}), b.input());
  const auto read = b.Node("read", w.Body({.takes = 30ms}), b.input());
  const auto write = b.Node("write", w.Body({.takes = 30ms}), read);
  const auto alone = b.Node("alone", w.Body({.takes = 90ms}), b.input());
  const auto d = b.Node("D", w.Body({}), fails, alone);
  b.Effect(write);
  OneRun run(w, std::move(b).Build(d, {.on_failure = OnFailure::kCancelDependentsOnly}));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 20);
  EXPECT_EQ(run.outcome().StateOf("write"), NodeState::kSucceeded);
  EXPECT_EQ(run.outcome().StateOf("alone"), NodeState::kCancelled);
  EXPECT_THAT(w.diary, ElementsAre("B@0", "read@0", "alone@0", "alone stopped@20", "write@30"));
  EXPECT_EQ(w.ms(), 60);
}

TEST(DagScenario, D07_AnOptionalNodeThatFailsIsAbsent) {
  DagWorld w;
  Builder<Order> b("optional");
  const auto maybe = b.Optional("B", w.Body({.takes = 20ms, .fails = true}), b.input());
  const auto sure = b.Node("C", w.Body({.takes = 30ms}), b.input());
  std::optional<int> seen = 1;
  const auto d = b.Node(
      "D",
      [&](const std::optional<int>& value, int /*sure*/) {
        w.Write("D");
        seen = value;
        return 5;
      },
      maybe, sure);
  OneRun run(w, std::move(b).Build(d));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 30);
  ASSERT_TRUE(run.outcome());
  EXPECT_EQ(seen, std::nullopt);
  EXPECT_THAT(run.outcome().degraded(), ElementsAre("B"));
  EXPECT_THAT(w.diary, ElementsAre("B@0", "C@0", "D@30"));
  ASSERT_EQ(run.outcome().suppressed().size(), 1U);
  EXPECT_EQ(run.outcome().suppressed().front()->node, "B");
}

TEST(DagScenario, D07_AnOptionalNodeThatSucceedsHasItsValue) {
  DagWorld w;
  Builder<Order> b("optional");
  const auto maybe = b.Optional("B", w.Body({.takes = 20ms, .value = 3}), b.input());
  const auto plain = b.Optional("P", [](const Order& order) { return order.id; }, b.input());
  const auto d =
      b.Node("D", [](std::optional<int> x, std::optional<int> y) { return *x + *y; }, maybe, plain);
  OneRun run(w, std::move(b).Build(d), Order{.id = 4});
  run.ToTheEnd();

  EXPECT_EQ(*run.outcome(), 7);
  EXPECT_THAT(run.outcome().degraded(), IsEmpty());
}

TEST(DagScenario, D08_AFallbackTakesThePlaceOfASlowNode) {
  DagWorld w;
  Builder<Order> b("fallback");
  const auto slow =
      b.Node("B", {.timeout = 15ms}, w.Body({.takes = 100ms, .ignores_stop = true}), b.input());
  FailureKind told{};
  b.Fallback(slow, [&](const NodeError& error) {
    w.Write("fallback");
    told = error.kind;
    return 42;
  });
  const auto quick = b.Node("C", w.Body({.takes = 10ms}), b.input());
  const auto d = b.Node(
      "D",
      [&](int x, int) {
        w.Write("D");
        return x;
      },
      slow, quick);
  OneRun run(w, std::move(b).Build(d));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 15);
  EXPECT_EQ(*run.outcome(), 42);
  EXPECT_EQ(told, FailureKind::kTimedOut);
  EXPECT_THAT(w.diary, ElementsAre("B@0", "C@0", "fallback@15", "D@15"));
  EXPECT_THAT(run.outcome().degraded(), ElementsAre("B"));
  EXPECT_EQ(run.outcome().late_results(), 1U);
  EXPECT_EQ(w.ms(), 100);
}

TEST(DagScenario, D08_AFallbackThatThrowsFailsTheNode) {
  DagWorld w;
  Builder<Order> b("fallback");
  const auto node = b.Node("B", w.Body({.takes = 5ms, .fails = true}), b.input());
  b.Fallback(node, [](const NodeError&) { return std::vector<int>().at(1); });
  OneRun run(w, std::move(b).Build(node));
  run.ToTheEnd();

  ASSERT_FALSE(run.outcome());
  EXPECT_THAT(run.outcome().error()->cause.detail, HasSubstr("exception"));
}

TEST(DagScenario, D10_TheRunsDeadlineBoundsEveryNode) {
  DagWorld w;
  Builder<Order> b("deadline");
  const auto a = b.Node("A", w.Body({.takes = 30ms}), b.input());
  SteadyTime seen{};
  const auto c = b.Node(
      "B", {.timeout = 50ms},
      [&](Context& context, int) -> Work<int> {
        seen = context.deadline();
        return w.Play(context, {.takes = 30ms});
      },
      a);
  OneRun run(w, std::move(b).Build(c), Order{}, {.deadline = w.At(40ms)});
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 40);
  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(run.outcome().error()->node, "B");
  EXPECT_EQ(seen, w.At(40ms));
  EXPECT_EQ(run.outcome().StateOf("B"), NodeState::kTimedOut);
  EXPECT_EQ(run.runner.counts().timed_out.value(), 1U);
}

TEST(DagScenario, D10_ANodesTimeoutFreesWhatWaitsForIt) {
  DagWorld w;
  Builder<Order> b("timeout");
  const auto a = b.Node("A", {.timeout = 15ms}, w.Body({.takes = 100ms}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 15);
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(run.outcome().StateOf("A"), NodeState::kTimedOut);
  EXPECT_THAT(w.diary, ElementsAre("A@0", "A stopped@15"));
  EXPECT_EQ(w.world.armed_timers(), 0U);
}

TEST(DagScenario, D11_NothingStartsAfterTheDeadline) {
  DagWorld w;
  Builder<Order> b("late");
  const auto a = b.Node("A", w.Body({.takes = 30ms}), b.input());
  OneRun run(w, std::move(b).Build(a), Order{}, {.deadline = w.At(0ms)});
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 0);
  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
  EXPECT_THAT(w.diary, IsEmpty());
}

TEST(DagScenario, D11_ANodeWithTooLittleTimeLeftIsNotStarted) {
  DagWorld w;
  Builder<Order> b("budget");
  const auto a = b.Node("A", {.min_budget = 10ms}, w.Body({.takes = 1ms}), b.input());
  OneRun run(w, std::move(b).Build(a), Order{}, {.deadline = w.At(5ms)});
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 0);
  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(run.outcome().error()->node, "A");
  EXPECT_THAT(run.outcome().error()->cause.detail, HasSubstr("budget"));
  EXPECT_THAT(w.diary, IsEmpty());
}

TEST(DagScenario, D11_ANodeWithJustEnoughTimeLeftIsStarted) {
  DagWorld w;
  Builder<Order> b("budget");
  const auto a = b.Node("A", {.min_budget = 10ms}, w.Body({.takes = 1ms}), b.input());
  OneRun run(w, std::move(b).Build(a), Order{}, {.deadline = w.At(10ms)});
  run.ToTheEnd();
  EXPECT_TRUE(run.outcome());
}

TEST(DagScenario, D21_APlainFunctionThatThrowsFailsLikeACall) {
  DagWorld w;
  Builder<Order> b("throws");
  const auto a = b.Node("A", [](const Order&) { return std::vector<int>().at(3); }, b.input());
  const auto c = b.Node("B", [](int value) { return value; }, a);
  OneRun run(w, std::move(b).Build(c));
  run.ToTheEnd();

  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.outcome().error()->node, "A");
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kFailed);
  EXPECT_NE(run.outcome().error()->exception, nullptr);
  EXPECT_EQ(run.outcome().StateOf("B"), NodeState::kSkipped);
}

TEST(DagScenario, D21_ACoroutineThatThrowsBeforeOrAfterItsFirstSuspensionFails) {
  for (const Nanos pause : {0ns, 5ns}) {
    DagWorld w;
    Builder<Order> b("throws");
    const auto a = b.Node(
        "A",
        [pause](Context& context, const Order&) -> Work<int> {
          if (pause > 0ns) static_cast<void>(co_await context.SleepFor(pause));
          co_return std::vector<int>().at(3);
        },
        b.input());
    OneRun run(w, std::move(b).Build(a));
    run.ToTheEnd();
    ASSERT_FALSE(run.outcome());
    EXPECT_EQ(run.outcome().error()->node, "A");
    EXPECT_NE(run.outcome().error()->exception, nullptr);
  }
}

TEST(DagScenario, D21_APlainFunctionMayReturnAResult) {
  DagWorld w;
  Builder<Order> b("result");
  const auto good = b.Node("good", [](const Order& o) -> Result<int> { return o.id; }, b.input());
  const auto bad =
      b.Optional("bad", [](int) -> Result<void> { return Fail(ErrorCode::kNotFound, "no"); }, good);
  const auto sum = b.Node(
      "sum", [](int value, const std::optional<Done>& done) { return done ? 0 : value; }, good,
      bad);
  OneRun run(w, std::move(b).Build(sum), Order{.id = 9});
  run.ToTheEnd();
  ASSERT_TRUE(run.outcome());
  EXPECT_EQ(*run.outcome(), 9);
  EXPECT_THAT(run.outcome().degraded(), ElementsAre("bad"));
}

}  // namespace
}  // namespace sluice::dag
