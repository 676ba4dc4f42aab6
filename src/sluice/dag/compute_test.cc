// Compute nodes: D24 once more, where the function computes instead of blocking, and what the loop
// does with cheap ones. In simulated time a job of the pool takes the pool's duration, and so does,
// by the pool's stopwatch, a call that the loop makes itself.

#include <string>
#include <vector>

#include "sluice/dag/compute_lane.h"
#include "sluice/dag/dag_fixture.h"
#include "sluice/platform/sim/worker_pool.h"

namespace sluice::dag {
namespace {

// Runs of one plan on one runner, so that it learns what its nodes cost.
template <typename Out>
class ComputeRuns {
 public:
  ComputeRuns(DagWorld& world,
              PlanResult<Plan<Order, Out>> plan,
              const RunnerOptions& options = {.compute = {.pool_above = 100us}})
      : world_(world), plan_(std::move(plan)), runner_(world.loop, *plan_, options) {}
  ComputeRuns(const ComputeRuns&) = delete;
  ComputeRuns& operator=(const ComputeRuns&) = delete;
  ~ComputeRuns() { ToTheEnd(); }

  Finished<Out>& Begin(int id, const RunOptions& options = {}) {
    finished_.push_back(std::make_unique<Finished<Out>>());
    world_.loop.Enter([&] {
      tasks_.Spawn(Await(world_, runner_.Run(Order{.id = id}, options), *finished_.back()));
    });
    return *finished_.back();
  }
  void ToTheEnd() { EXPECT_TRUE(world_.world.RunUntilIdle()); }
  void Learn(int runs) {
    for (int i = 0; i < runs; ++i) {
      Begin(0);
      ToTheEnd();
    }
  }
  [[nodiscard]] Runner<Order, Out>& runner() { return runner_; }

 private:
  DagWorld& world_;
  PlanResult<Plan<Order, Out>> plan_;
  Runner<Order, Out> runner_;
  TaskGroup tasks_;
  std::vector<std::unique_ptr<Finished<Out>>> finished_;  // Outcomes go before their runner.
};

TEST(DagScenario, D24_AComputeNodeOfUnknownOrHighCostIsAJobOfThePool) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 4, .duration = 50ms});
  Builder<Order> b("compute");
  const auto score =
      b.Compute("score", {}, pool, [](const Order& o) { return o.id * 2; }, b.input());
  const auto other = b.Node("other", w.Body({.takes = 10ms}), b.input());
  const auto sum = b.Node("sum", [](int x, int) { return x; }, score, other);
  ComputeRuns runs(w, std::move(b).Build(sum));
  auto& first = runs.Begin(1);
  auto& second = runs.Begin(2);
  runs.ToTheEnd();
  EXPECT_EQ(first.at, 50ms);
  EXPECT_EQ(second.at, 100ms);
  EXPECT_EQ(**second.outcome, 4);
  EXPECT_THAT(w.diary, ElementsAre("other@0", "other@0"));
  auto& third = runs.Begin(3);  // Known to take long by now.
  runs.ToTheEnd();
  EXPECT_EQ(third.at, 150ms);
}

TEST(DagScenario, D24_TheTimeoutOfAComputeNodeCoversItsWaitForAThread) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 4, .duration = 50ms});
  Builder<Order> b("compute");
  int calls = 0;
  const auto score =
      b.Compute("score", {.timeout = 60ms}, pool, [&](const Order&) { return ++calls; }, b.input());
  ComputeRuns runs(w, std::move(b).Build(score));
  auto& first = runs.Begin(1);
  auto& second = runs.Begin(2);
  auto& third = runs.Begin(3);
  runs.ToTheEnd();
  EXPECT_TRUE(*first.outcome);
  EXPECT_EQ(second.at, 60ms);  // A thread had it at 50; its value at 100 is dropped.
  EXPECT_EQ(second.outcome->late_results(), 1U);
  EXPECT_EQ(third.at, 60ms);  // Taken out of the queue.
  EXPECT_EQ(third.outcome->error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(calls, 2);
}

TEST(DagScenario, D24_AFullPoolRejectsAComputeNode) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 0, .duration = 50ms});
  Builder<Order> b("compute");
  const auto score = b.Compute("score", {}, pool, [](const Order& o) { return o.id; }, b.input());
  ComputeRuns runs(w, std::move(b).Build(score));
  auto& first = runs.Begin(1);
  auto& second = runs.Begin(2);
  EXPECT_EQ(second.at, 0ms);
  EXPECT_EQ(second.outcome->error()->kind, FailureKind::kRejected);
  EXPECT_EQ(second.outcome->error()->cause.guard, "worker_pool");
  runs.ToTheEnd();
  EXPECT_TRUE(*first.outcome);
}

TEST(DagCompute, ALoopCallsCheapFunctionsItselfOnceItKnowsThem) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 4, .duration = 10us});
  Builder<Order> b("compute");
  const auto twice =
      b.Compute("twice", {}, pool, [](const Order& o) { return o.id * 2; }, b.input());
  const auto text = b.Compute(
      "text", {}, pool,
      [](const int& value) { return std::string(40, 'x') + std::to_string(value); }, twice);
  ComputeRuns runs(w, std::move(b).Build(text));
  auto& first = runs.Begin(1);
  EXPECT_EQ(pool.running(), 1U);  // Who knows what it takes.
  runs.ToTheEnd();
  EXPECT_EQ(first.at, 20us);
  auto& second = runs.Begin(2);
  EXPECT_EQ(pool.running(), 0U);
  EXPECT_EQ(second.at, 20us);  // At once: in this world the loop's own work takes no time.
  EXPECT_EQ(**second.outcome, std::string(40, 'x') + "4");
}

// One node that feeds `width` compute nodes, which one more adds up.
PlanResult<Plan<Order, int>> WidePlan(WorkerPool& pool, int width, int& calls) {
  Builder<Order> b("wide");
  std::optional<Output<int>> sum;
  for (int i = 0; i < width; ++i) {
    const auto node = b.Compute(
        fmt::format("c{}", i), {.timeout = 1s}, pool,
        [&calls](const Order& o) {
          ++calls;
          return o.id;
        },
        b.input());
    sum =
        sum ? b.Node(fmt::format("s{}", i), [](int x, int y) { return x + y; }, *sum, node) : node;
  }
  return std::move(b).Build(*sum);
}

TEST(DagCompute, ThreadsAreWokenOnlyForWorkThatIsWorthIt) {
  for (const int width : {1, 12}) {
    DagWorld w;
    sim::WorkerPool pool({.workers = 3, .queue_max = 16, .duration = 10us});
    int calls = 0;
    ComputeRuns runs(w, WidePlan(pool, width, calls), {.compute = {.wake_above = 40us}});
    runs.Learn(1);
    EXPECT_EQ(calls, width);
    auto& finished = runs.Begin(5);
    EXPECT_EQ(**finished.outcome, 5 * width);
    // 11 wait behind the first call: 110 µs for one, 50 for each of two, 30 for three.
    EXPECT_EQ(pool.running(), width == 1 ? 0U : 2U);
    EXPECT_EQ(calls, 2 * width);
  }
}

TEST(DagCompute, ALoopServesOthersAfterItsSlice) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 64, .duration = 10us});
  int calls = 0;
  ComputeRuns runs(w, WidePlan(pool, 40, calls), {.compute = {.wake_above = 1s, .slice = 95us}});
  runs.Learn(1);
  calls = 0;
  auto& finished = runs.Begin(1);
  EXPECT_EQ(calls, 10);  // The tenth call ends after the slice.
  EXPECT_FALSE(finished.outcome);
  runs.ToTheEnd();
  EXPECT_EQ(calls, 40);
  EXPECT_EQ(**finished.outcome, 40);
}

TEST(DagCompute, MoreThanTheRingHoldsWaitsInOrder) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 2'000, .duration = 1us});
  std::vector<std::string> order;
  Builder<Order> b("ring");
  std::optional<Output<int>> last;
  for (int i = 0; i < 1'000; ++i) {
    last = b.Compute(
        fmt::format("c{}", i), {}, pool,
        [&order, i](const Order& o) {
          if (o.id == 1) order.push_back(std::to_string(i));
          return i;
        },
        b.input());
    b.Effect(*last);
  }
  ComputeRuns runs(w, std::move(b).Build(*last), {.compute = {.wake_above = 1s}});
  runs.Learn(1);
  runs.Begin(1);
  runs.ToTheEnd();
  ASSERT_EQ(order.size(), 1'000U);
  for (int i = 0; i < 1'000; ++i)
    EXPECT_EQ(order[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST(DagCompute, WhatWaitsOnALaneMayBeCancelledAndIsNotCalled) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 64, .duration = 10us});
  int calls = 0;
  const auto plan = WidePlan(pool, 5, calls);
  Runner<Order, int> runner(w.loop, *plan, {.compute = {.wake_above = 1s, .slice = 5us}});
  TaskGroup tasks;
  Finished<int> learnt;
  w.loop.Enter([&] { tasks.Spawn(Await(w, runner.Run(Order{}), learnt)); });
  EXPECT_TRUE(w.world.RunUntilIdle());
  calls = 0;
  w.loop.Enter([&] {
    Running<int> running = runner.Run(Order{});
    EXPECT_EQ(calls, 1);
    running.Cancel();
    EXPECT_FALSE(running.has_ended());  // The lane still has its jobs.
  });
  EXPECT_TRUE(w.world.RunUntilIdle());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(runner.in_flight(), 0U);
  w.loop.Enter([&] { learnt.outcome.reset(); });
}

TEST(DagCompute, ACheapNodeThatFailsOrThrowsFailsTheRun) {
  for (const Nanos duration : {Nanos(0), Nanos(10us)}) {  // Called at once, and on the lane.
    DagWorld w;
    sim::WorkerPool pool({.workers = 1, .queue_max = 64, .duration = duration});
    Builder<Order> b("compute");
    const auto node = b.Compute(
        "picky", {}, pool,
        [](JobContext& job, const Order& o) -> Result<int> {
          EXPECT_EQ(job.deadline(), kNever);
          if (o.id == 1) return Fail(ErrorCode::kConnectionReset, "scripted");
          if (o.id == 2) return std::vector<int>().at(3);
          return o.id;
        },
        b.input());
    ComputeRuns runs(w, std::move(b).Build(node));
    runs.Learn(2);
    auto& failed = runs.Begin(1);
    EXPECT_EQ(failed.outcome->error()->cause.code, ErrorCode::kConnectionReset);
    EXPECT_EQ(failed.outcome->error()->node, "picky");
    auto& threw = runs.Begin(2);
    EXPECT_NE(threw.outcome->error()->exception, nullptr);
    EXPECT_EQ(*runs.Begin(3).outcome.value(), 3);
  }
}

TEST(DagCompute, AFallbackTakesThePlaceOfACheapNodeToo) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 64, .duration = 10us});
  Builder<Order> b("compute");
  const auto node = b.Compute(
      "picky", {}, pool,
      [](const Order& o) -> Result<std::string> {
        if (o.id == 1) return Fail(ErrorCode::kConnectionReset, "scripted");
        return std::string("good");
      },
      b.input());
  b.Fallback(node, [](const NodeError&) { return std::string("instead"); });
  ComputeRuns runs(w, std::move(b).Build(node));
  runs.Learn(1);
  auto& finished = runs.Begin(1);
  EXPECT_EQ(**finished.outcome, "instead");
  EXPECT_THAT(finished.outcome->degraded(), ElementsAre("picky"));
}

TEST(DagCompute, ATracedRunKnowsItsComputeNodes) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 64, .duration = 10us});
  int calls = 0;
  ComputeRuns runs(w, WidePlan(pool, 2, calls));
  runs.Learn(1);
  auto& finished = runs.Begin(1, {.tracing = Tracing::kOn});
  EXPECT_EQ(finished.outcome->block().attempts(1), 1);
  EXPECT_EQ(finished.outcome->block().moments(1).end, w.world.now());
}

TEST(DagComputeCost, OneSlowCallIsNotBelievedButTwoAre) {
  ComputeCost cost;
  EXPECT_FALSE(cost.is_known());
  cost.Learn(800ns, 20us);
  EXPECT_EQ(cost.estimate(), 800ns);
  cost.Learn(1600ns, 20us);
  EXPECT_EQ(cost.estimate(), 900ns);
  cost.Learn(5ms, 20us);  // Another program ran meanwhile.
  EXPECT_EQ(cost.estimate(), 900ns);
  cost.Learn(900ns, 20us);
  cost.Learn(5ms, 20us);
  cost.Learn(6ms, 20us);
  EXPECT_EQ(cost.estimate(), 6ms);
}

TEST(DagComputeCost, OneCallOfEightIsMeasuredAndTheOneAfterASlowOne) {
  ComputeCost cost;
  cost.Learn(100ns, 20us);
  int samples = 0;
  for (int i = 0; i < 64; ++i)
    samples += cost.IsSample() ? 1 : 0;
  EXPECT_EQ(samples, 8);
  EXPECT_TRUE(cost.IsSample());
  EXPECT_FALSE(cost.IsSample());
  cost.Learn(5ms, 20us);
  EXPECT_TRUE(cost.IsSample());
}

}  // namespace
}  // namespace sluice::dag
