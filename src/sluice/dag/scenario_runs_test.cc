// The scenarios of whole runs: D27 (cancelling), D28 (determinism), D32 (reload), and the bounds of
// a Runner: queue, rejection, draining.

#include "sluice/dag/dag_fixture.h"
#include "sluice/dag/runner_state.h"
#include "sluice/dag/trace.h"

namespace sluice::dag {
namespace {

// What a caller holds who may change his mind.
template <typename T>
Task<void> AwaitHere(DagWorld& world, std::optional<Running<T>>& running, Finished<T>& out) {
  Outcome<T> outcome = co_await *running;
  out.at = world.elapsed();
  out.outcome.emplace(std::move(outcome));
}

TEST(DagScenario, D27_CancellingStopsWhatRunsAndListsWhatMayNotStop) {
  DagWorld w;
  Builder<Order> b("cancel");
  const auto quick = b.Node("quick", w.Body({.takes = 10ms}), b.input());
  const auto slow = b.Node("slow", w.Body({.takes = 100ms}), quick);
  const auto charge = b.Node("charge", {.cancel = CancelMode::kNeverOnceStarted},
                             w.Body({.takes = 60ms, .value = 99}), quick);
  const auto later = b.Node("later", w.Body({}), slow, charge);
  const auto plan = std::move(b).Build(later);
  Runner<Order, int> runner(w.loop, *plan);
  std::optional<Running<int>> running;
  Finished<int> finished;
  TaskGroup tasks;
  w.loop.Enter([&] {
    running.emplace(runner.Run({}, {.tracing = Tracing::kOn}));
    tasks.Spawn(AwaitHere(w, running, finished));
  });
  w.world.RunFor(25ms);
  w.loop.Enter([&] { running->Cancel(); });

  EXPECT_EQ(finished.at, 25ms);
  Outcome<int>& outcome = *finished.outcome;
  EXPECT_EQ(outcome.error()->kind, FailureKind::kCancelled);
  EXPECT_EQ(outcome.StateOf("quick"), NodeState::kSucceeded);
  EXPECT_EQ(outcome.StateOf("slow"), NodeState::kCancelled);
  EXPECT_EQ(outcome.StateOf("later"), NodeState::kCancelled);
  EXPECT_THAT(outcome.in_flight(), ElementsAre("charge"));
  EXPECT_THAT(w.diary, ElementsAre("quick@0", "slow@10", "charge@10", "slow stopped@25"));
  EXPECT_EQ(runner.in_flight(), 1U);

  EXPECT_TRUE(w.world.RunUntilIdle());
  EXPECT_EQ(w.ms(), 70);
  EXPECT_EQ(runner.in_flight(), 0U);
  EXPECT_THAT(outcome.in_flight(), IsEmpty());
  ASSERT_NE(outcome.ValueOf(charge), nullptr);
  EXPECT_EQ(*outcome.ValueOf(charge), 99);
  const RunTrace trace(outcome);
  EXPECT_EQ(trace.rows()[2].node, "charge");
  EXPECT_EQ(trace.rows()[2].state, NodeState::kSucceeded);
  EXPECT_EQ(trace.rows()[2].end, 70ms);
  w.loop.Enter([&] { finished.outcome.reset(); });
}

TEST(DagScenario, D27_ARunThatNobodyAwaitsIsCancelledAndFreesItself) {
  DagWorld w;
  Builder<Order> b("dropped");
  const auto slow = b.Node("slow", w.Body({.takes = 100ms}), b.input());
  const auto plan = std::move(b).Build(slow);
  Runner<Order, int> runner(w.loop, *plan);
  w.loop.Enter([&] { static_cast<void>(runner.Run({})); });
  EXPECT_EQ(w.diary.back(), "slow stopped@0");
  EXPECT_EQ(runner.in_flight(), 0U);
  EXPECT_EQ(runner.counts().cancelled.value(), 1U);
}

TEST(DagScenario, D27_ACancelledRunMayBeCancelledAgain) {
  DagWorld w;
  Builder<Order> b("twice");
  const auto slow = b.Node("slow", w.Body({.takes = 100ms}), b.input());
  const auto plan = std::move(b).Build(slow);
  Runner<Order, int> runner(w.loop, *plan);
  w.loop.Enter([&] {
    Running<int> running = runner.Run({});
    running.Cancel();
    running.Cancel();
    EXPECT_TRUE(running.is_decided());
    const Outcome<int> outcome = std::move(running).TakeOutcome();
    EXPECT_EQ(outcome.error()->kind, FailureKind::kCancelled);
  });
}

TEST(DagScenario, D27_ABodyMayCancelItsOwnRun) {
  for (const bool is_plain : {true, false}) {
    DagWorld w;
    std::optional<Running<int>> running;
    Builder<Order> b("self");
    const auto sleeps = b.Node("sleeps", w.Body({.takes = 5ms}), b.input());
    const auto plain = b.Node(
        "plain",
        [&](int value) {
          if (is_plain) running->Cancel();
          return value;
        },
        sleeps);
    const auto call = b.Node(
        "call",
        [&](Context& context, int value) -> Work<int> {
          if (!is_plain) running->Cancel();
          co_return context.stop_requested() ? -1 : value;
        },
        plain);
    const auto end = b.Node("end", [](int x) { return x; }, call);
    const auto plan = std::move(b).Build(end);
    Runner<Order, int> runner(w.loop, *plan);
    Finished<int> finished;
    TaskGroup tasks;
    w.loop.Enter([&] {
      running.emplace(runner.Run({}));
      tasks.Spawn(AwaitHere(w, running, finished));
    });
    EXPECT_TRUE(w.world.RunUntilIdle());
    EXPECT_EQ(finished.at, 5ms);
    EXPECT_EQ(finished.outcome->error()->kind, FailureKind::kCancelled);
    EXPECT_EQ(finished.outcome->StateOf("end"), NodeState::kCancelled);
    EXPECT_EQ(runner.in_flight(), 0U);
    w.loop.Enter([&] { finished.outcome.reset(); });
  }
}

std::string LogOf(std::uint64_t seed) {
  DagWorld w;
  Random random(seed);
  Builder<Order> b("seeded");
  std::vector<Output<int>> nodes;
  for (int i = 0; i < 30; ++i) {
    const Script script{.takes = Nanos(random.Below(40'000'000)), .fails = random.Below(8) == 0};
    const std::string name = fmt::format("n{}", i);
    if (i < 3) {
      nodes.push_back(b.Node(name, w.Body(script), b.input()));
    } else {
      const Output<int> x = nodes[random.Below(nodes.size())];
      const Output<int> y = nodes[random.Below(nodes.size())];
      nodes.push_back(b.Node(name, w.Body(script), x, y));
    }
    b.Fallback(nodes.back(), [](const NodeError&) { return 0; });
    b.Effect(nodes.back());
  }
  OneRun run(w, std::move(b).Build(nodes.back()), Order{}, {.tracing = Tracing::kOn});
  run.ToTheEnd();
  return RunTrace(run.outcome()).EventLog();
}

TEST(DagScenario, D28_TheSameTimesGiveTheSameEventsByteByByte) {
  const std::string first = LogOf(28);
  EXPECT_EQ(first, LogOf(28));
  EXPECT_NE(first, LogOf(29));
  EXPECT_EQ(std::ranges::count(first, '\n'), 60);
}

TEST(DagScenario, D32_AReloadLeavesRunsUnderWayAlone) {
  DagWorld w;
  Builder<Order> b("reload");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto slow = b.Node("B", {.timeout = 15ms}, w.Body({.takes = 30ms}), a);
  const auto plan = std::move(b).Build(slow);
  const auto changed = plan->WithPolicy("B", {.timeout = 50ms});
  ASSERT_TRUE(changed);
  Runner<Order, int> runner(w.loop, *plan);
  Finished<int> before;
  Finished<int> after;
  TaskGroup tasks;
  w.loop.Enter([&] { tasks.Spawn(Await(w, runner.Run({}), before)); });
  w.world.RunFor(5ms);
  w.loop.Enter([&] {
    runner.Replace(*changed);
    tasks.Spawn(Await(w, runner.Run({}), after));
  });
  EXPECT_TRUE(w.world.RunUntilIdle());
  EXPECT_EQ(before.at, 25ms);
  EXPECT_EQ(before.outcome->error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(after.at, 45ms);
  EXPECT_TRUE(*after.outcome);
  w.loop.Enter([&] {
    before.outcome.reset();
    after.outcome.reset();
  });
}

TEST(DagPlan, WithPolicyKnowsItsNodesAndChecksThePolicy) {
  Builder<Order> b("reload");
  const auto a = b.Node("A", [](const Order& o) { return o.id; }, b.input());
  const auto plan = std::move(b).Build(a);
  EXPECT_EQ(plan->WithPolicy("nobody", {}).error().code, PlanErrorCode::kUnknownInput);
  EXPECT_EQ(plan->WithPolicy("input", {}).error().code, PlanErrorCode::kUnknownInput);
  EXPECT_EQ(plan->WithPolicy("A", {.timeout = 5ms}).error().code, PlanErrorCode::kBadPolicy);
}

// Several runs of a plan whose one node takes 10 ms.
class Crowd {
 public:
  explicit Crowd(const RunnerOptions& options) {
    Builder<Order> b("crowd");
    const auto node = b.Node(
        "A",
        [this](Context& context, const Order& order) -> Work<int> {
          w.Write(fmt::format("{}", order.id));
          static_cast<void>(co_await context.SleepFor(10ms));
          co_return order.id;
        },
        b.input());
    const auto plan = std::move(b).Build(node);
    runner.emplace(w.loop, *plan, options);
  }
  ~Crowd() {
    EXPECT_TRUE(w.world.RunUntilIdle());
    w.loop.Enter([&] { finished.clear(); });
  }
  Finished<int>& Run(int id, SteadyTime deadline = kNever) {
    finished.push_back(std::make_unique<Finished<int>>());
    Finished<int>& out = *finished.back();
    w.loop.Enter(
        [&] { tasks.Spawn(Await(w, runner->Run({.id = id}, {.deadline = deadline}), out)); });
    return out;
  }
  DagWorld w;
  TaskGroup tasks;
  std::optional<Runner<Order, int>> runner;
  std::vector<std::unique_ptr<Finished<int>>> finished;
};

TEST(DagRunner, RunsBeyondTheBoundWaitInOrderAndThenAreRejected) {
  Crowd c({.in_flight_max = 1, .queue_max = 2});
  Finished<int>& first = c.Run(1);
  Finished<int>& second = c.Run(2);
  Finished<int>& third = c.Run(3);
  Finished<int>& fourth = c.Run(4);
  EXPECT_EQ(fourth.at, 0ms);
  EXPECT_EQ(fourth.outcome->error()->kind, FailureKind::kRejected);
  EXPECT_EQ(fourth.outcome->error()->cause.code, ErrorCode::kOverloaded);
  EXPECT_EQ(c.runner->queued(), 2U);
  EXPECT_TRUE(c.w.world.RunUntilIdle());
  EXPECT_EQ(first.at, 10ms);
  EXPECT_EQ(second.at, 20ms);
  EXPECT_EQ(third.at, 30ms);
  EXPECT_THAT(c.w.diary, ElementsAre("1@0", "2@10", "3@20"));
  EXPECT_EQ(c.runner->counts().rejected.value(), 1U);
  EXPECT_EQ(c.runner->counts().succeeded.value(), 3U);
}

TEST(DagRunner, TheNewestMayGoFirst) {
  Crowd c({.in_flight_max = 1, .queue_max = 3, .queue_order = QueueOrder::kLifo});
  for (int id = 1; id <= 4; ++id)
    c.Run(id);
  EXPECT_TRUE(c.w.world.RunUntilIdle());
  EXPECT_THAT(c.w.diary, ElementsAre("1@0", "4@10", "3@20", "2@30"));
}

TEST(DagRunner, AWaitingRunWithTooLittleTimeLeftIsDropped) {
  Crowd c({.in_flight_max = 1, .queue_max = 3, .drop_if_remaining_below = 5ms});
  c.Run(1);
  Finished<int>& dropped = c.Run(2, c.w.At(14ms));
  Finished<int>& kept = c.Run(3, c.w.At(100ms));
  EXPECT_TRUE(c.w.world.RunUntilIdle());
  EXPECT_EQ(dropped.at, 10ms);
  EXPECT_EQ(dropped.outcome->error()->kind, FailureKind::kRejected);
  EXPECT_EQ(kept.at, 20ms);
}

TEST(DagRunner, AWaitingRunTimesOutAtItsDeadline) {
  Crowd c({.in_flight_max = 1, .queue_max = 3});
  c.Run(1);
  Finished<int>& late = c.Run(2, c.w.At(4ms));
  EXPECT_TRUE(c.w.world.RunUntilIdle());
  EXPECT_EQ(late.at, 4ms);
  EXPECT_EQ(late.outcome->error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(c.runner->queued(), 0U);
}

TEST(DagRunner, AWaitingRunMayBeDropped) {
  Crowd c({.in_flight_max = 1, .queue_max = 3});
  c.Run(1);
  c.w.loop.Enter([&] { static_cast<void>(c.runner->Run({.id = 2})); });
  EXPECT_EQ(c.runner->queued(), 0U);
  EXPECT_TRUE(c.w.world.RunUntilIdle());
  EXPECT_THAT(c.w.diary, ElementsAre("1@0"));
}

Task<void> DrainIt(Crowd& crowd, Nanos& drained_at) {
  co_await crowd.runner->Drain();
  drained_at = crowd.w.elapsed();
}

TEST(DagRunner, DrainRefusesTheNewAndTheWaitingAndAwaitsTheRest) {
  Crowd c({.in_flight_max = 1, .queue_max = 3});
  Finished<int>& running = c.Run(1);
  Finished<int>& waiting = c.Run(2);
  Nanos drained_at{-1};
  c.w.world.RunFor(3ms);
  c.w.loop.Enter([&] { c.tasks.Spawn(DrainIt(c, drained_at)); });
  Finished<int>& late = c.Run(3);
  EXPECT_EQ(waiting.at, 3ms);
  EXPECT_EQ(waiting.outcome->error()->cause.code, ErrorCode::kDraining);
  EXPECT_EQ(late.outcome->error()->cause.code, ErrorCode::kDraining);
  EXPECT_EQ(drained_at, -1ns);
  EXPECT_TRUE(c.w.world.RunUntilIdle());
  EXPECT_EQ(running.at, 10ms);
  EXPECT_EQ(drained_at, 10ms);
}

}  // namespace
}  // namespace sluice::dag
