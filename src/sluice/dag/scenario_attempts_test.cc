// The scenarios of second chances, D13 to D16: retries, hedges, guards.

#include <deque>
#include <set>

#include "sluice/dag/dag_fixture.h"
#include "sluice/dag/managed_node.h"

namespace sluice::dag {
namespace {

// A body that plays the next script of a list at every attempt.
auto InTurn(DagWorld& w, std::vector<Script> scripts) {
  return [&w, scripts = std::move(scripts)](Context& context, const auto&...) -> Work<int> {
    return w.Play(context, scripts[static_cast<std::size_t>(context.attempt()) - 1]);
  };
}

// Admits by a list of decisions, and keeps what it was told.
class ScriptedGuard final : public Guard, private PermitIssuer {
 public:
  explicit ScriptedGuard(std::deque<bool> admits, Nanos wait = 0ns)
      : admits_(std::move(admits)), wait_(wait) {}

  std::vector<std::string> told;

  GuardDecision Acquire(const GuardRequest& /*request*/, SteadyTime now) override {
    const bool admits = admits_.empty() || admits_.front();
    if (!admits_.empty()) admits_.pop_front();
    GuardDecision decision{.admitted = admits, .wait = wait_, .retry_after = 7ms};
    if (admits) decision.permit = Permit(*this, {.start = now});
    return decision;
  }
  [[nodiscard]] std::string_view kind() const override { return "breaker"; }
  [[nodiscard]] std::string_view rule() const override { return "pay"; }
  [[nodiscard]] ErrorCode refusal() const override { return ErrorCode::kBreakerOpen; }

 private:
  void Settle(const PermitToken&, const sluice::Outcome& outcome, SteadyTime) override {
    const char* verdict = outcome.verdict == Verdict::kSuccess   ? "success"
                          : outcome.verdict == Verdict::kFailure ? "failure"
                                                                 : "ignored";
    told.push_back(fmt::format("{} {}ms", verdict, outcome.duration / 1ms));
  }
  void Abandon(const PermitToken&) override { told.emplace_back("abandoned"); }
  void Refund(const PermitToken&, SteadyTime) override { told.emplace_back("refunded"); }

  std::deque<bool> admits_;
  Nanos wait_;
};

const RetryPolicy kThrice{.max_attempts = 3, .backoff = 10ms};

TEST(DagScenario, D13_ARetryStartsAfterItsPause) {
  DagWorld w;
  Builder<Order> b("retry");
  const auto a = b.Node("A", {.timeout = 60ms, .retry = kThrice, .idempotent = true},
                        InTurn(w, {{.takes = 5ms, .fails = true},
                                   {.takes = 5ms, .fails = true},
                                   {.takes = 5ms, .value = 3}}),
                        b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_THAT(w.diary, ElementsAre("A@0", "A@15", "A@40"));
  EXPECT_EQ(run.at_ms(), 45);
  EXPECT_EQ(*run.outcome(), 3);
}

TEST(DagScenario, D13_TheNodesTimeoutCoversAllItsAttempts) {
  DagWorld w;
  Builder<Order> b("retry");
  const auto a = b.Node("A", {.timeout = 30ms, .retry = kThrice, .idempotent = true},
                        InTurn(w, {{.takes = 5ms, .fails = true},
                                   {.takes = 5ms, .fails = true},
                                   {.takes = 5ms, .value = 3}}),
                        b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_THAT(w.diary, ElementsAre("A@0", "A@15"));
  EXPECT_EQ(run.at_ms(), 30);
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
  EXPECT_EQ(w.world.armed_timers(), 0U);
}

TEST(DagScenario, D13_OfAPauseAPartMayBeLeftToChance) {
  DagWorld w;
  Builder<Order> b("retry");
  const RetryPolicy retry{.max_attempts = 2, .backoff = 100ms, .jitter = 0.5};
  const auto a = b.Node("A", {.retry = retry, .idempotent = true},
                        InTurn(w, {{.takes = 5ms, .fails = true}, {.takes = 5ms}}), b.input());
  const auto plan = std::move(b).Build(a);
  ASSERT_TRUE(plan);
  std::set<Nanos> took;
  for (int i = 0; i < 20; ++i) {
    const Nanos begun = w.elapsed();
    OneRun run(w, plan);
    run.ToTheEnd();
    took.insert(run.finished.at - begun);
  }
  EXPECT_GE(*took.begin(), 60ms);
  EXPECT_LE(*took.rbegin(), 110ms);
  EXPECT_GT(took.size(), 10U);
}

TEST(DagScenario, D13_TheLastErrorCountsWhenAllAttemptsFail) {
  DagWorld w;
  Builder<Order> b("retry");
  const auto a =
      b.Node("A", {.retry = {.max_attempts = 2}, .idempotent = true},
             InTurn(w, {{.takes = 5ms, .fails = true}, {.takes = 5ms, .fails = true}}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_EQ(run.at_ms(), 10);
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kFailed);
}

TEST(DagScenario, D13_AnAttemptHasATimeoutOfItsOwn) {
  DagWorld w;
  Builder<Order> b("retry");
  const auto a = b.Node(
      "A", {.attempt_timeout = 20ms, .retry = {.max_attempts = 2}, .idempotent = true},
      InTurn(w, {{.takes = 100ms, .ignores_stop = true}, {.takes = 5ms, .value = 8}}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 25);
  EXPECT_EQ(*run.outcome(), 8);
  EXPECT_EQ(run.outcome().late_results(), 1U);
  EXPECT_EQ(w.ms(), 100);
}

TEST(DagScenario, D13_ARetryBudgetBoundsTheRetriesOfAllRuns) {
  DagWorld w;
  Builder<Order> b("retry");
  RetryPolicy retry{.max_attempts = 5, .budget_ratio = 0.0, .budget_burst = 2.0};
  const auto a = b.Node("A", {.retry = retry, .idempotent = true},
                        w.Body({.takes = 1ms, .fails = true}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_EQ(w.diary.size(), 3U);  // The first attempt and the two retries of the bucket.
}

TEST(DagScenario, D13_RetryIfDecidesWhatIsWorthIt) {
  DagWorld w;
  Builder<Order> b("retry");
  RetryPolicy retry = kThrice;
  retry.retry_if = [](const NodeError& error) {
    return error.cause.code != ErrorCode::kConnectionReset;
  };
  const auto a = b.Node("A", {.retry = retry, .idempotent = true},
                        w.Body({.takes = 1ms, .fails = true}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_EQ(w.diary.size(), 1U);
}

TEST(DagScenario, D13_APlainFunctionMayBeRetriedToo) {
  DagWorld w;
  Builder<Order> b("retry");
  int calls = 0;
  const auto a = b.Node(
      "A", {.retry = kThrice, .idempotent = true},
      [&](const Order&) -> Result<int> {
        if (++calls < 3) return Fail(ErrorCode::kNotFound, "not yet");
        return calls;
      },
      b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_EQ(*run.outcome(), 3);
  EXPECT_EQ(run.at_ms(), 30);
}

TEST(DagScenario, D15_TheFirstSuccessOfAHedgeWins) {
  DagWorld w;
  Builder<Order> b("hedge");
  const auto a =
      b.Node("A", {.hedge_after = 10ms, .idempotent = true},
             InTurn(w, {{.takes = 100ms, .value = 1}, {.takes = 20ms, .value = 2}}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 30);
  EXPECT_EQ(*run.outcome(), 2);
  EXPECT_THAT(w.diary, ElementsAre("A@0", "A@10", "A stopped@30"));
  EXPECT_EQ(w.ms(), 30);
}

TEST(DagScenario, D15_AQuickFirstAttemptIsNotHedged) {
  DagWorld w;
  Builder<Order> b("hedge");
  const auto a = b.Node("A", {.hedge_after = 10ms, .idempotent = true},
                        InTurn(w, {{.takes = 9ms, .value = 1}}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_THAT(w.diary, ElementsAre("A@0"));
  EXPECT_EQ(w.world.armed_timers(), 0U);
}

TEST(DagScenario, D15_WhenBothFailTheErrorIsThatOfTheFirst) {
  DagWorld w;
  Builder<Order> b("hedge");
  const auto a = b.Node(
      "A", {.hedge_after = 10ms, .idempotent = true},
      [](Context& context, const Order&) -> Work<int> {
        const int attempt = context.attempt();
        const Nanos pause = attempt == 1 ? 50ms : 5ms;
        static_cast<void>(co_await context.SleepFor(pause));
        co_return Fail(ErrorCode::kNotFound, attempt == 1 ? "first" : "second");
      },
      b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_EQ(run.at_ms(), 50);
  EXPECT_EQ(run.outcome().error()->cause.detail, "first");
}

TEST(DagScenario, D16_AGuardThatRefusesKeepsTheBodyFromBeingCalled) {
  DagWorld w;
  ScriptedGuard guard({false});
  Builder<Order> b("guard");
  const auto a = b.Node("A", {.guards = {&guard}}, w.Body({.takes = 10ms}), b.input());
  NodeError told;
  b.Fallback(a, [&](const NodeError& error) {
    told = error;
    return 6;
  });
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 0);
  EXPECT_EQ(*run.outcome(), 6);
  EXPECT_THAT(w.diary, IsEmpty());
  EXPECT_EQ(told.kind, FailureKind::kRejected);
  EXPECT_EQ(told.cause.code, ErrorCode::kBreakerOpen);
  EXPECT_EQ(told.cause.rule, "pay");
  EXPECT_EQ(told.cause.retry_after, 7ms);
  EXPECT_THAT(guard.told, IsEmpty());
}

TEST(DagScenario, D16_AGuardLearnsOutcomeAndLatencyOfEachAttempt) {
  DagWorld w;
  ScriptedGuard guard({});
  Builder<Order> b("guard");
  const auto a =
      b.Node("A", {.retry = kThrice, .idempotent = true, .guards = {&guard}},
             InTurn(w, {{.takes = 5ms, .fails = true}, {.takes = 8ms, .value = 1}}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_THAT(guard.told, ElementsAre("failure 5ms", "success 8ms"));
}

TEST(DagScenario, D16_ATimeoutIsAFailureForTheGuardAndALostHedgeIsNothing) {
  DagWorld w;
  ScriptedGuard slow({});
  ScriptedGuard hedged({});
  Builder<Order> b("guard");
  const auto a =
      b.Optional("A", {.timeout = 20ms, .guards = {&slow}}, w.Body({.takes = 100ms}), b.input());
  const auto c = b.Node("B", {.hedge_after = 10ms, .idempotent = true, .guards = {&hedged}},
                        InTurn(w, {{.takes = 100ms}, {.takes = 20ms, .value = 2}}), a);
  OneRun run(w, std::move(b).Build(c));
  run.ToTheEnd();
  EXPECT_THAT(slow.told, ElementsAre("failure 20ms"));
  EXPECT_THAT(hedged.told, ElementsAre("success 20ms", "ignored 30ms"));
}

TEST(DagScenario, D16_ALaterGuardsRefusalGivesBackWhatEarlierOnesGave) {
  DagWorld w;
  ScriptedGuard first({});
  ScriptedGuard second({false});
  Builder<Order> b("guards");
  const auto a = b.Node("A", {.guards = {&first, &second}}, w.Body({.takes = 10ms}), b.input());
  OneRun run(w, std::move(b).Build(a));
  run.ToTheEnd();
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kRejected);
  EXPECT_THAT(first.told, ElementsAre("refunded"));
}

TEST(DagScenario, D16_ARefusalIsRetriedOnlyWhenAsked) {
  for (const bool asked : {false, true}) {
    DagWorld w;
    ScriptedGuard guard({false});
    Builder<Order> b("guard");
    RetryPolicy retry = kThrice;
    retry.retry_rejected = asked;
    const auto a = b.Node("A", {.retry = retry, .idempotent = true, .guards = {&guard}},
                          w.Body({.takes = 1ms}), b.input());
    OneRun run(w, std::move(b).Build(a));
    run.ToTheEnd();
    EXPECT_EQ(run.outcome().has_value(), asked);
    EXPECT_EQ(run.at_ms(), asked ? 11 : 0);
  }
}

TEST(DagScenario, D16_PacingDelaysTheBodyAndACancelledWaitIsGivenBack) {
  DagWorld w;
  ScriptedGuard paced({}, 30ms);
  ScriptedGuard cut({}, 30ms);
  Builder<Order> b("pacing");
  const auto a = b.Node("A", {.guards = {&paced}}, w.Body({.takes = 10ms}), b.input());
  const auto c = b.Node("B", {.timeout = 20ms, .guards = {&cut}}, w.Body({.takes = 10ms}), a);
  OneRun run(w, std::move(b).Build(c));
  run.ToTheEnd();
  EXPECT_THAT(w.diary, ElementsAre("A@30"));
  EXPECT_THAT(paced.told, ElementsAre("success 10ms"));
  EXPECT_THAT(cut.told, ElementsAre("refunded"));
  EXPECT_EQ(run.at_ms(), 60);
  EXPECT_EQ(run.outcome().error()->kind, FailureKind::kTimedOut);
}

}  // namespace
}  // namespace sluice::dag
