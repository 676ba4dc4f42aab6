// The scenarios of shapes other than plain edges: D17 (When), D18 (ForEach), D24 (pools), D26
// (plans in plans), D30 (streams), and After().

#include <string>

#include "sluice/dag/dag_fixture.h"
#include "sluice/platform/sim/worker_pool.h"

namespace sluice::dag {
namespace {

TEST(DagScenario, D17_TheSideThatIsNotTakenNeverStarts) {
  for (const bool taken : {true, false}) {
    DagWorld w;
    Builder<Order> b("when");
    const auto x = b.Node("X", w.Body({.takes = 10ms, .value = 1}), b.input());
    const auto feeds_y = b.Node("feedsY", w.Body({.takes = 1ms}), b.input());
    const auto y = b.Node("Y", w.Body({.takes = 50ms, .value = 2}), feeds_y);
    const auto condition = b.Node("cond", [taken](const Order&) { return taken; }, b.input());
    const auto join = b.When("join", condition, x, y);
    OneRun run(w, std::move(b).Build(join));
    run.ToTheEnd();

    EXPECT_EQ(run.at_ms(), taken ? 10 : 51);
    EXPECT_EQ(*run.outcome(), taken ? 1 : 2);
    EXPECT_EQ(run.outcome().StateOf(taken ? "Y" : "X"), NodeState::kNotSelected);
    EXPECT_EQ(run.outcome().StateOf("feedsY"),
              taken ? NodeState::kNotSelected : NodeState::kSucceeded);
    EXPECT_EQ(NameOf(NodeState::kNotSelected), "skipped(not_selected)");
  }
}

TEST(DagScenario, D17_ASideThatOthersNeedStartsBeforeTheChoice) {
  DagWorld w;
  Builder<Order> b("when");
  const auto x = b.Node("X", w.Body({.takes = 10ms, .value = 1}), b.input());
  const auto y = b.Node("Y", w.Body({.takes = 50ms, .value = 2}), b.input());
  const auto condition = b.Node(
      "cond",
      [](Context& context, const Order&) -> Work<bool> {
        static_cast<void>(co_await context.SleepFor(20ms));
        co_return true;
      },
      b.input());
  const auto join = b.When("join", condition, x, y);
  const auto sum = b.Node("sum", [](int a, int c) { return a + c; }, join, y);
  OneRun run(w, std::move(b).Build(sum));
  run.ToTheEnd();
  // X belongs to the choice alone, so it waits for it; Y does not.
  EXPECT_THAT(w.diary, ElementsAre("Y@0", "X@20"));
  EXPECT_EQ(run.at_ms(), 50);
  EXPECT_EQ(*run.outcome(), 3);
}

TEST(DagScenario, D17_OnlyTheFailureOfTheTakenSideMatters) {
  for (const bool taken : {true, false}) {
    DagWorld w;
    Builder<Order> b("when");
    const auto x = b.Optional("X0", w.Body({.takes = 5ms, .fails = true}), b.input());
    const auto bad = b.Node("bad", w.Body({.takes = 5ms, .fails = true}), x);
    const auto good = b.Node("good", w.Body({.takes = 9ms, .value = 4}), b.input());
    const auto condition = b.Node("cond", [taken](const Order&) { return taken; }, b.input());
    const auto join = b.When("join", condition, bad, good);
    OneRun run(w, std::move(b).Build(join));
    run.ToTheEnd();
    EXPECT_EQ(run.outcome().has_value(), !taken);
    EXPECT_EQ(run.at_ms(), taken ? 10 : 9);
    if (taken) {
      EXPECT_EQ(run.outcome().error()->node, "bad");
    }
  }
}

TEST(DagScenario, D17_AConditionThatFailsSkipsBothSides) {
  DagWorld w;
  Builder<Order> b("when");
  const auto x = b.Node("X", w.Body({.takes = 10ms}), b.input());
  const auto y = b.Node("Y", w.Body({.takes = 10ms}), b.input());
  const auto condition = b.Node(
      "cond", [](const Order&) -> Result<bool> { return Fail(ErrorCode::kNotFound, "?"); },
      b.input());
  const auto join = b.When("join", condition, x, y);
  OneRun run(w, std::move(b).Build(join));
  run.ToTheEnd();
  EXPECT_EQ(run.outcome().error()->node, "cond");
  EXPECT_EQ(run.outcome().StateOf("X"), NodeState::kSkipped);
  EXPECT_THAT(w.diary, IsEmpty());
}

TEST(DagScenario, D17_AWhenMovesWhatNobodyElseReads) {
  DagWorld w;
  Builder<Order> b("when");
  const auto x = b.Node("X", [](const Order&) { return std::make_unique<int>(5); }, b.input());
  const auto y = b.Node("Y", [](const Order&) { return std::make_unique<int>(6); }, b.input());
  const auto condition = b.Node("cond", [](const Order&) { return false; }, b.input());
  const auto join = b.When("join", condition, x, y);
  OneRun run(w, std::move(b).Build(join));
  run.ToTheEnd();
  EXPECT_EQ(**run.outcome(), 6);
}

// Lists of five elements; each takes 10 ms, element `fails_at` fails after 5 ms.
auto Each(DagWorld& w, int fails_at = -1) {
  return [&w, fails_at](Context& context, const int& element) -> Work<int> {
    w.Write(fmt::format("{}", element));
    const Nanos pause = element == fails_at ? 5ms : 10ms;
    const bool slept = co_await context.SleepFor(pause);
    if (!slept) {
      w.Write(fmt::format("{} stopped", element));
      co_return Fail(ErrorCode::kCancelled, "stopped");
    }
    if (element == fails_at) co_return Fail(ErrorCode::kNotFound, "item");
    co_return element * 10;
  };
}

std::vector<int> Five(const Order&) {
  return {1, 2, 3, 4, 5};
}

TEST(DagScenario, D18_ForEachRunsABoundedNumberAtOnceAndKeepsTheOrder) {
  DagWorld w;
  Builder<Order> b("each");
  const auto list = b.Node("list", &Five, b.input());
  const auto each = b.ForEach("items", {}, {.max_parallel = 2}, list, Each(w));
  OneRun run(w, std::move(b).Build(each));
  run.ToTheEnd();

  EXPECT_THAT(w.diary, ElementsAre("1@0", "2@0", "3@10", "4@10", "5@20"));
  EXPECT_EQ(run.at_ms(), 30);
  EXPECT_THAT(*run.outcome(), ElementsAre(10, 20, 30, 40, 50));
}

TEST(DagScenario, D18_FailFastStopsTheOthers) {
  DagWorld w;
  Builder<Order> b("each");
  const auto list = b.Node("list", &Five, b.input());
  const auto each = b.ForEach("items", {}, {.max_parallel = 2}, list, Each(w, 2));
  OneRun run(w, std::move(b).Build(each));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 5);
  EXPECT_THAT(w.diary, ElementsAre("1@0", "2@0", "1 stopped@5"));
  EXPECT_EQ(run.outcome().error()->node, "items");
  EXPECT_EQ(run.outcome().error()->cause.detail, "item");
}

TEST(DagScenario, D18_CollectGivesAValueOrAnErrorForEach) {
  DagWorld w;
  Builder<Order> b("each");
  const auto list = b.Node("list", &Five, b.input());
  const auto each =
      b.ForEach<ItemFailure::kCollect>("items", {}, {.max_parallel = 2}, list, Each(w, 2));
  OneRun run(w, std::move(b).Build(each));
  run.ToTheEnd();

  ASSERT_TRUE(run.outcome());
  const std::vector<Result<int>>& results = *run.outcome();
  ASSERT_EQ(results.size(), 5U);
  EXPECT_EQ(*results[0], 10);
  EXPECT_EQ(results[1].error().detail, "item");
  EXPECT_EQ(*results[4], 50);
}

TEST(DagScenario, D18_ForEachOfNothingIsDoneAtOnceAndATimeoutStopsAll) {
  DagWorld w;
  Builder<Order> b("each");
  const auto none = b.Node("none", [](const Order&) { return std::vector<int>(); }, b.input());
  const auto list = b.Node("list", &Five, b.input());
  const auto empty = b.ForEach("empty", {}, {}, none, Each(w));
  const auto slow = b.Optional("slow", [](const std::vector<int>&) { return 1; }, empty);
  const auto each = b.ForEach("items", {.timeout = 15ms}, {.max_parallel = 2}, list, Each(w));
  const auto end = b.Node("end", [](const auto&, const auto&) { return 1; }, slow, each);
  OneRun run(w, std::move(b).Build(end));
  run.ToTheEnd();
  EXPECT_EQ(run.at_ms(), 15);
  EXPECT_THAT(w.diary, ElementsAre("1@0", "2@0", "3@10", "4@10", "3 stopped@15", "4 stopped@15"));
  EXPECT_EQ(run.outcome().StateOf("slow"), NodeState::kSucceeded);
}

TEST(DagScenario, D24_BlockingNodesWaitForThePoolAndNobodyElseDoes) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 4, .duration = 50ms});
  Builder<Order> b("blocking");
  const auto pdf = b.Blocking("pdf", {}, pool, [](const Order& o) { return o.id * 2; }, b.input());
  const auto other = b.Node("other", w.Body({.takes = 10ms}), b.input());
  const auto sum = b.Node("sum", [](int x, int) { return x; }, pdf, other);
  const auto plan = std::move(b).Build(sum);
  {
    OneRun first(w, plan, Order{.id = 1});
    OneRun second(w, plan, Order{.id = 2});
    second.ToTheEnd();
    EXPECT_EQ(first.at_ms(), 50);
    EXPECT_EQ(second.at_ms(), 100);
    EXPECT_EQ(*first.outcome(), 2);
    EXPECT_EQ(*second.outcome(), 4);
    EXPECT_THAT(w.diary, ElementsAre("other@0", "other@0"));
  }
}

TEST(DagScenario, D24_TheTimeoutOfABlockingNodeCoversItsWaitForAThread) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 4, .duration = 50ms});
  Builder<Order> b("blocking");
  int calls = 0;
  const auto pdf =
      b.Blocking("pdf", {.timeout = 60ms}, pool, [&](const Order&) { return ++calls; }, b.input());
  const auto plan = std::move(b).Build(pdf);
  {
    OneRun first(w, plan);
    OneRun second(w, plan);
    OneRun third(w, plan);
    third.ToTheEnd();
    EXPECT_TRUE(first.outcome());
    EXPECT_EQ(second.at_ms(), 60);  // A thread had it at 50; its value at 100 is dropped.
    EXPECT_EQ(second.outcome().late_results(), 1U);
    EXPECT_EQ(third.at_ms(), 60);  // Taken out of the queue.
    EXPECT_EQ(third.outcome().error()->kind, FailureKind::kTimedOut);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(w.ms(), 100);
  }
}

TEST(DagScenario, D24_AFullPoolRejects) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 1, .queue_max = 0, .duration = 50ms});
  Builder<Order> b("blocking");
  const auto pdf = b.Blocking("pdf", {}, pool, [](const Order& o) { return o.id; }, b.input());
  const auto plan = std::move(b).Build(pdf);
  {
    OneRun first(w, plan);
    OneRun second(w, plan);
    second.ToTheEnd();
    EXPECT_TRUE(first.outcome());
    EXPECT_EQ(second.at_ms(), 0);
    EXPECT_EQ(second.outcome().error()->kind, FailureKind::kRejected);
    EXPECT_EQ(second.outcome().error()->node, "pdf");
  }
}

TEST(DagScenario, D24_ABlockingBodyMayThrowReturnAnErrorOrAskForItsDeadline) {
  DagWorld w;
  sim::WorkerPool pool({.workers = 3, .duration = 5ms});
  Builder<Order> b("blocking");
  SteadyTime seen{};
  const auto throws = b.Optional("unused", [](const Order&) { return 0; }, b.input());
  const auto bad = b.Blocking(
      "bad", {}, pool, [](const Order&) -> Result<int> { return Fail(ErrorCode::kNotFound, "x"); },
      b.input());
  b.Fallback(bad, [](const NodeError& error) { return static_cast<int>(error.cause.code); });
  const auto thrown = b.Blocking(
      "thrown", {}, pool, [](const Order&) { return std::vector<int>().at(1); }, b.input());
  b.Fallback(thrown, [](const NodeError& error) { return error.exception ? 1 : 0; });
  const auto asks = b.Blocking(
      "asks", {.timeout = 70ms}, pool,
      [&](JobContext& job, const Order&) {
        seen = job.deadline();
        return job.stop_requested() ? 1 : 0;
      },
      b.input());
  const auto sum = b.Node(
      "sum", [](int x, int y, int z, const auto&) { return x * 100 + y * 10 + z; }, bad, thrown,
      asks, throws);
  OneRun run(w, std::move(b).Build(sum));
  run.ToTheEnd();
  EXPECT_EQ(*run.outcome(), static_cast<int>(ErrorCode::kNotFound) * 100 + 10);
  EXPECT_EQ(seen, w.At(70ms));
}

PlanResult<Plan<int, int>> Quoting(DagWorld& w, const Script& script, SteadyTime* deadline) {
  Builder<int> b("shipping");
  const auto quote = b.Node(
      "quote", {.timeout = 200ms},
      [&w, script, deadline](Context& context, const int&) -> Work<int> {
        *deadline = context.deadline();
        return w.Play(context, script);
      },
      b.input());
  return std::move(b).Build(quote);
}

TEST(DagScenario, D26_APlanInAPlanSeesTheOuterDeadline) {
  DagWorld w;
  SteadyTime seen{};
  const auto inner = Quoting(w, {.takes = 10ms, .value = 3}, &seen);
  Builder<Order> b("outer");
  const auto id = b.Node("id", [](const Order& o) { return o.id; }, b.input());
  const auto shipping = b.Subplan("shipping", {}, *inner, id);
  OneRun run(w, std::move(b).Build(shipping), Order{}, {.deadline = w.At(100ms)});
  run.ToTheEnd();
  EXPECT_EQ(*run.outcome(), 3);
  EXPECT_EQ(seen, w.At(100ms));
}

TEST(DagScenario, D26_AnInnerFailureIsOneFailedNodeWithAPath) {
  DagWorld w;
  SteadyTime seen{};
  const auto inner = Quoting(w, {.takes = 10ms, .fails = true}, &seen);
  Builder<Order> b("outer");
  const auto id = b.Node("id", [](const Order& o) { return o.id; }, b.input());
  const auto shipping = b.Subplan("shipping", {}, *inner, id);
  OneRun run(w, std::move(b).Build(shipping));
  run.ToTheEnd();
  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.outcome().error()->node, "shipping/quote");
  EXPECT_EQ(run.outcome().StateOf("shipping"), NodeState::kFailed);
  EXPECT_EQ(Describe(*run.outcome().error()), "shipping/quote: failed: scripted");
}

TEST(DagScenario, D26_TheEndOfTheOuterRunStopsTheInner) {
  DagWorld w;
  SteadyTime seen{};
  const auto inner = Quoting(w, {.takes = 100ms}, &seen);
  Builder<Order> b("outer");
  const auto id = b.Node("id", [](const Order& o) { return o.id; }, b.input());
  const auto shipping = b.Subplan("shipping", {.timeout = 30ms}, *inner, id);
  OneRun run(w, std::move(b).Build(shipping));
  run.ToTheEnd();
  EXPECT_EQ(run.at_ms(), 30);
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
  EXPECT_THAT(w.diary, ElementsAre("quote@0", "quote stopped@30"));
}

// Puts `items` numbers as fast as it can, then fails if told.
auto Numbers(DagWorld& w, int items, bool fails = false) {
  return [&w, items, fails](Context& context, StreamWriter<int>& out, const auto&) -> Work<Done> {
    for (int i = 1; i <= items; ++i) {
      const bool wanted = co_await out.Put(context, i);
      if (!wanted) {
        w.Write("unwanted");
        co_return Done{};
      }
      w.Write(fmt::format("put {}", i));
    }
    if (fails) co_return Fail(ErrorCode::kNotFound, "dry");
    co_return Done{};
  };
}

// Adds up what comes, one every 10 ms; fails after `fails_after` if that is not 0.
auto Sum(int fails_after = 0) {
  return [fails_after](Context& context, StreamReader<int>& in) -> Work<int> {
    int sum = 0;
    for (int taken = 0;;) {
      static_cast<void>(co_await context.SleepFor(10ms));
      Result<std::optional<int>> next = co_await in.Next(context);
      if (!next) co_return std::unexpected(std::move(next.error()));
      if (!*next) co_return sum;
      sum += **next;
      if (++taken == fails_after) co_return Fail(ErrorCode::kNotFound, "full");
    }
  };
}

TEST(DagScenario, D30_TheWriterWaitsWhileTheBufferIsFull) {
  DagWorld w;
  Builder<Order> b("stream");
  const auto numbers = b.Stream<int>("numbers", {}, {.capacity = 4}, Numbers(w, 6), b.input());
  const auto sum = b.Node("sum", Sum(), numbers);
  OneRun run(w, std::move(b).Build(sum));
  run.ToTheEnd();
  EXPECT_EQ(*run.outcome(), 21);
  EXPECT_THAT(w.diary,
              ElementsAre("put 1@0", "put 2@0", "put 3@0", "put 4@0", "put 5@10", "put 6@20"));
  EXPECT_EQ(run.at_ms(), 70);
}

TEST(DagScenario, D30_AReaderThatFailsStopsTheWriter) {
  DagWorld w;
  Builder<Order> b("stream");
  const auto numbers = b.Stream<int>("numbers", {}, {.capacity = 4}, Numbers(w, 100), b.input());
  const auto sum = b.Optional("sum", Sum(2), numbers);
  const auto end = b.Node("end", [](const std::optional<int>& x) { return x ? 1 : 0; }, sum);
  OneRun run(w, std::move(b).Build(end));
  run.ToTheEnd();
  EXPECT_EQ(run.at_ms(), 20);
  EXPECT_EQ(*run.outcome(), 0);
  EXPECT_EQ(w.diary.back(), "unwanted@20");
  EXPECT_EQ(w.ms(), 20);
}

TEST(DagScenario, D30_AWriterThatFailsIsToldToTheReaderAfterWhatItPut) {
  DagWorld w;
  Builder<Order> b("stream");
  const auto numbers =
      b.Stream<int>("numbers", {}, {.capacity = 4}, Numbers(w, 2, true), b.input());
  const auto sum = b.Node("sum", Sum(), numbers);
  OneRun run(w, std::move(b).Build(sum));
  run.ToTheEnd();
  ASSERT_FALSE(run.outcome());
  EXPECT_EQ(run.at_ms(), 30);
  EXPECT_EQ(run.outcome().error()->node, "sum");
  EXPECT_EQ(run.outcome().error()->cause.detail, "dry");
}

TEST(DagAfter, ALaterNodeWaitsForTheEndOfTheEarlierHoweverItEnds) {
  for (const bool fails : {false, true}) {
    DagWorld w;
    Builder<Order> b("after");
    const auto first = b.Optional("first", w.Body({.takes = 10ms, .fails = fails}), b.input());
    const auto second = b.Node("second", w.Body({.takes = 5ms}), b.input());
    b.After(first, second);
    const auto end = b.Node("end", [](const auto&, int) { return 1; }, first, second);
    OneRun run(w, std::move(b).Build(end));
    run.ToTheEnd();
    EXPECT_THAT(w.diary, ElementsAre("first@0", "second@10"));
    EXPECT_EQ(run.at_ms(), 15);
  }
}

TEST(DagAfter, TheEarlierNodesFailureIsNoReasonToSkipTheLater) {
  DagWorld w;
  Builder<Order> b("after");
  const auto need = b.Node("need", w.Body({.takes = 3ms, .fails = true}), b.input());
  const auto early = b.Node("early", w.Body({.takes = 10ms}), need);
  const auto late = b.Node("late", w.Body({.takes = 5ms}), b.input());
  b.After(early, late);
  b.Effect(early);
  OneRun run(w, std::move(b).Build(late));
  run.ToTheEnd();
  EXPECT_TRUE(run.outcome());
  EXPECT_EQ(run.outcome().StateOf("early"), NodeState::kSkipped);
  EXPECT_THAT(w.diary, ElementsAre("need@0", "late@3"));
}

TEST(DagAfter, ANodeThatThePlanDoesNotRunHoldsNobodyUp) {
  DagWorld w;
  Builder<Order> b("after");
  const auto unneeded = b.Node("unneeded", w.Body({.takes = 10ms}), b.input());
  const auto late = b.Node("late", w.Body({.takes = 5ms}), b.input());
  b.After(unneeded, late);
  OneRun run(w, std::move(b).Build(late));
  run.ToTheEnd();
  EXPECT_EQ(run.at_ms(), 5);
}

}  // namespace
}  // namespace sluice::dag
