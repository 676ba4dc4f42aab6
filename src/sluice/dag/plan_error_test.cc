// D14 and D20, and every other mistake that Build() tells.

#include "sluice/dag/dag_fixture.h"
#include "sluice/dag/draft.h"
#include "sluice/dag/draft_check.h"
#include "sluice/dag/node_state.h"

namespace sluice::dag {
namespace {

int Id(const Order& order) {
  return order.id;
}
int Same(int value) {
  return value;
}
Work<int> Call(Context& context, const Order& order) {
  static_cast<void>(co_await context.SleepFor(1ms));
  co_return order.id;
}

template <typename T>
PlanError ErrorOf(Builder<Order>& b, Output<T> output) {
  const auto plan = std::move(b).Build(output);
  EXPECT_FALSE(plan.has_value());
  return plan ? PlanError{} : plan.error();
}

TEST(DagScenario, D14_RetryAndHedgeNeedAnIdempotentNode) {
  Builder<Order> b("retry");
  const auto a = b.Node("charge", {.retry = {.max_attempts = 2}}, &Call, b.input());
  const PlanError error = ErrorOf(b, a);
  EXPECT_EQ(error.code, PlanErrorCode::kNotIdempotent);
  EXPECT_EQ(error.node, "charge");
  EXPECT_THAT(error.message, HasSubstr("\"charge\""));

  Builder<Order> c("hedge");
  EXPECT_EQ(ErrorOf(c, c.Node("A", {.hedge_after = 2ms}, &Call, c.input())).code,
            PlanErrorCode::kNotIdempotent);
}

TEST(DagScenario, D20_ACycleIsToldNodeByNode) {
  Builder<Order> builder("cycle");
  const auto a = builder.Node("a", &Id, builder.input());
  const auto b = builder.Node("b", &Same, a);
  const auto c = builder.Node("c", &Same, b);
  const auto d = builder.Node("d", &Same, c);
  builder.After(c, a);
  const PlanError error = ErrorOf(builder, d);
  EXPECT_EQ(error.code, PlanErrorCode::kCycle);
  EXPECT_EQ(error.message, "cycle: a -> b -> c -> a");
  EXPECT_EQ(error.node, "a");
}

TEST(DagScenario, D20_ANodeAfterItselfIsACycle) {
  Builder<Order> b("cycle");
  const auto a = b.Node("a", &Id, b.input());
  b.After(a, a);
  EXPECT_EQ(ErrorOf(b, a).message, "cycle: a -> a");
}

TEST(DagScenario, D20_NamesAreUniqueAndPlain) {
  Builder<Order> twice("twice");
  twice.Node("a", &Id, twice.input());
  const PlanError error = ErrorOf(twice, twice.Node("a", &Id, twice.input()));
  EXPECT_EQ(error.code, PlanErrorCode::kDuplicateName);
  EXPECT_EQ(error.node, "a");
  for (const char* name : {"", "a/b", "a b", "\"", "ä"}) {
    Builder<Order> b("names");
    EXPECT_EQ(ErrorOf(b, b.Node(name, &Id, b.input())).code, PlanErrorCode::kBadName) << name;
  }
}

TEST(DagPlanError, AHandleOfAnotherBuilderIsForeign) {
  Builder<Order> one("one");
  Builder<Order> other("other");
  const auto a = one.Node("a", &Id, one.input());
  EXPECT_EQ(ErrorOf(other, other.Node("b", &Same, a)).code, PlanErrorCode::kForeignHandle);
  Builder<Order> third("third");
  EXPECT_EQ(ErrorOf(third, a).code, PlanErrorCode::kForeignHandle);
  EXPECT_EQ(ErrorOf(third, Output<int>{}).code, PlanErrorCode::kForeignHandle);
}

TEST(DagPlanError, FiguresOfPoliciesHaveRanges) {
  const auto code = [](const Policy& policy) {
    Builder<Order> b("policy");
    const auto plan = std::move(b).Build(b.Node("a", policy, &Call, b.input()));
    return plan ? std::string("good") : std::string(NameOf(plan.error().code));
  };
  const auto retry = [](RetryPolicy policy) {
    return Policy{.retry = std::move(policy), .idempotent = true};
  };
  EXPECT_EQ(code({.timeout = 1ns}), "good");
  EXPECT_EQ(code({.timeout = 0ns}), "bad_policy");
  EXPECT_EQ(code({.attempt_timeout = 0ns}), "bad_policy");
  EXPECT_EQ(code({.min_budget = -1ns}), "bad_policy");
  EXPECT_EQ(code({.hedge_after = -1ns, .idempotent = true}), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 100})), "good");
  EXPECT_EQ(code(retry({.max_attempts = 101})), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 0})), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 2, .backoff = -1ns})), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 2, .backoff_factor = 0.5})), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 2, .budget_ratio = 1.5})), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 2, .budget_burst = 0.5})), "bad_policy");
  EXPECT_EQ(code(retry({.max_attempts = 2, .jitter = 1.5})), "bad_policy");
  EXPECT_EQ(code({.guards = {nullptr}}), "bad_policy");
}

TEST(DagPlanError, APlainFunctionCannotBeInterrupted) {
  for (const Policy& policy : {Policy{.timeout = 5ms}, Policy{.attempt_timeout = 5ms},
                               Policy{.hedge_after = 5ms, .idempotent = true}}) {
    Builder<Order> b("plain");
    EXPECT_EQ(ErrorOf(b, b.Node("a", policy, &Id, b.input())).code, PlanErrorCode::kBadPolicy);
  }
}

TEST(DagPlanError, AValueIsTakenByItsOnlyReader) {
  const auto use = [](int&& value) { return value; };
  Builder<Order> good("take");
  const auto a = good.Node("a", &Id, good.input());
  EXPECT_TRUE(std::move(good).Build(good.Node("b", use, Take(a))).has_value());

  Builder<Order> bad("take");
  const auto value = bad.Node("a", &Id, bad.input());
  const auto taker = bad.Node("b", use, Take(value));
  const auto reader = bad.Node("c", &Same, value);
  const auto end = bad.Node("d", [](int x, int y) { return x + y; }, taker, reader);
  EXPECT_EQ(ErrorOf(bad, end).code, PlanErrorCode::kTakenTwice);

  Builder<Order> retried("take");
  const auto once = retried.Node("a", &Id, retried.input());
  const auto again =
      retried.Node("b", {.retry = {.max_attempts = 2}, .idempotent = true}, use, Take(once));
  EXPECT_EQ(ErrorOf(retried, again).code, PlanErrorCode::kBadPolicy);
}

Work<Done> Write(Context& context, StreamWriter<int>& out, const Order&) {
  static_cast<void>(co_await out.Put(context, 1));
  co_return Done{};
}
Work<int> Read(Context& context, StreamReader<int>& in) {
  const Result<std::optional<int>> next = co_await in.Next(context);
  co_return next ? next->value_or(0) : 0;
}

TEST(DagPlanError, AStreamHasOneReaderThatIsACoroutine) {
  Builder<Order> none("stream");
  none.Stream<int>("s", {}, {}, &Write, none.input());
  EXPECT_EQ(ErrorOf(none, none.Node("a", &Id, none.input())).code, PlanErrorCode::kStreamConsumer);

  Builder<Order> two("stream");
  const auto s = two.Stream<int>("s", {}, {}, &Write, two.input());
  const auto x = two.Node("x", &Read, s);
  const auto y = two.Node("y", &Read, s);
  const auto sum = two.Node("z", [](int p, int q) { return p + q; }, x, y);
  EXPECT_EQ(ErrorOf(two, sum).code, PlanErrorCode::kStreamConsumer);

  Builder<Order> plain("stream");
  const auto t = plain.Stream<int>("s", {}, {}, &Write, plain.input());
  const auto p = plain.Node("x", [](StreamReader<int>&) { return 1; }, t);
  EXPECT_EQ(ErrorOf(plain, p).code, PlanErrorCode::kBadPolicy);

  Builder<Order> empty("stream");
  const auto u = empty.Stream<int>("s", {}, {.capacity = 0}, &Write, empty.input());
  EXPECT_EQ(ErrorOf(empty, empty.Node("x", &Read, u)).code, PlanErrorCode::kBadPolicy);
}

TEST(DagPlanError, ForEachNeedsRoom) {
  Builder<Order> b("each");
  const auto list = b.Node("l", [](const Order&) { return std::vector<int>(); }, b.input());
  const auto each = b.ForEach("e", {}, {.max_parallel = 0}, list,
                              [](Context&, const int& x) -> Work<int> { co_return x; });
  EXPECT_EQ(ErrorOf(b, each).code, PlanErrorCode::kBadPolicy);
}

TEST(DagPlanError, APlanHasABoundedNumberOfNodes) {
  Builder<Order> b("many");
  auto last = b.Node("n", &Id, b.input());
  for (std::size_t i = 0; i < kNodesMax; ++i)
    last = b.Node(fmt::format("n{}", i), &Same, last);
  EXPECT_EQ(ErrorOf(b, last).code, PlanErrorCode::kTooManyNodes);
}

TEST(DagPlan, TheInputMayBeTheOutput) {
  DagWorld w;
  Builder<Order> b("nothing");
  OneRun run(w, std::move(b).Build(b.input()), Order{.id = 3});
  run.ToTheEnd();
  EXPECT_EQ(run.outcome()->id, 3);
}

}  // namespace
}  // namespace sluice::dag
