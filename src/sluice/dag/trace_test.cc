// D31: what a traced run tells, and the pictures of runs and plans.

#include "sluice/dag/trace.h"

#include "sluice/dag/dag_fixture.h"
#include "sluice/dag/drawing.h"
#include "sluice/dag/gantt.h"
#include "sluice/dag/path_shares.h"

namespace sluice::dag {
namespace {

auto Diamond(DagWorld& w) {
  Builder<Order> b("diamond");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto left = b.Node("B", {.timeout = 80ms}, w.Body({.takes = 30ms}), a);
  const auto right = b.Optional("C", w.Body({.takes = 20ms}), a);
  const auto d = b.Node("D", w.Body({.takes = 5ms}), left, right);
  return std::move(b).Build(d);
}

TEST(DagTrace, AnOffsetIsExactForShortSpansAndKeepsTheOrderOfLongOnes) {
  const SteadyTime since(3h);
  EXPECT_EQ(Offset().After(since), kNever);
  SteadyTime before = since;
  for (std::int64_t nanos = 0; nanos < (std::int64_t{1} << 56); nanos = nanos * 9 / 7 + 1) {
    const SteadyTime kept = Offset(since + Nanos(nanos), since).After(since);
    EXPECT_GE(kept, before);
    EXPECT_LE(kept - since, Nanos(nanos));
    EXPECT_GE(kept - since, Nanos(nanos - nanos / 67'000'000));
    if (nanos <= 134'000'000) {
      EXPECT_EQ(kept - since, Nanos(nanos));
    }
    before = kept;
  }
  EXPECT_EQ(Offset(since - 1s, since).After(since), since);
}

TEST(DagScenario, D31_ATraceHasTimesSlackAndTheCriticalPath) {
  DagWorld w;
  OneRun run(w, Diamond(w), Order{}, {.tracing = Tracing::kOn});
  run.ToTheEnd();
  const RunTrace trace(run.outcome());

  std::vector<std::string> rows;
  for (const TraceRow& row : trace.rows()) {
    rows.push_back(fmt::format("{} {}-{} slack {}", row.node, *row.start / 1ms, *row.end / 1ms,
                               *row.slack / 1ms));
  }
  EXPECT_THAT(rows, ElementsAre("A 0-10 slack 0", "B 10-40 slack 0", "C 10-30 slack 10",
                                "D 40-45 slack 0"));
  EXPECT_THAT(trace.critical_path(), ElementsAre("A", "B", "D"));
  EXPECT_EQ(trace.duration(), 45ms);
  EXPECT_EQ(trace.EventLog(),
            "0.000000 A running\n10.000000 A succeeded\n10.000000 B running\n"
            "10.000000 C running\n30.000000 C succeeded\n40.000000 B succeeded\n"
            "40.000000 D running\n45.000000 D succeeded\n");
}

TEST(DagTrace, OfAFailedRunEndsAtTheNodeThatFailed) {
  DagWorld w;
  Builder<Order> b("fails");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto bad = b.Node("B", w.Body({.takes = 5ms, .fails = true}), a);
  const auto c = b.Node("C", w.Body({}), bad);
  OneRun run(w, std::move(b).Build(c), Order{}, {.tracing = Tracing::kOn});
  run.ToTheEnd();
  const RunTrace trace(run.outcome());
  EXPECT_THAT(trace.critical_path(), ElementsAre("A", "B"));
  EXPECT_EQ(trace.rows()[2].start, std::nullopt);
  EXPECT_EQ(trace.duration(), 15ms);
}

TEST(DagTrace, OfAnUntracedRunHasStatesOnly) {
  DagWorld w;
  OneRun run(w, Diamond(w));
  run.ToTheEnd();
  const RunTrace trace(run.outcome());
  EXPECT_EQ(trace.rows()[0].state, NodeState::kSucceeded);
  EXPECT_EQ(trace.rows()[0].start, std::nullopt);
  EXPECT_THAT(trace.critical_path(), IsEmpty());
}

TEST(DagTrace, CountsAttempts) {
  DagWorld w;
  Builder<Order> b("retry");
  const auto a = b.Node("A", {.retry = {.max_attempts = 3}, .idempotent = true},
                        w.Body({.takes = 1ms, .fails = true}), b.input());
  b.Fallback(a, [](const NodeError&) { return 1; });
  OneRun run(w, std::move(b).Build(a), Order{}, {.tracing = Tracing::kOn});
  run.ToTheEnd();
  EXPECT_EQ(RunTrace(run.outcome()).rows()[0].attempts, 3);
}

TEST(DagScenario, D31_TheGanttIsStableAndNamesTheCriticalPath) {
  DagWorld w;
  OneRun run(w, Diamond(w), Order{}, {.tracing = Tracing::kOn});
  run.ToTheEnd();
  const RunTrace trace(run.outcome());
  const std::string svg = ToGanttSvg(trace);
  EXPECT_EQ(svg, ToGanttSvg(trace));
  // B begins at 10 of 45 ms, on a chart of 720 after 180 for labels, and takes 30.
  EXPECT_THAT(svg, HasSubstr("<rect x=\"340.0\" y=\"55\" width=\"480.0\""));
  EXPECT_THAT(svg, HasSubstr("<title>B: succeeded, 10 to 40 ms</title>"));
  EXPECT_THAT(svg, HasSubstr("font-weight=\"bold\">B</text>"));
  const std::string html = ToGanttHtml(trace);
  EXPECT_THAT(html, HasSubstr("Critical path: A &rarr; B &rarr; D"));
  EXPECT_THAT(html, HasSubstr("<tr><td>C</td><td>succeeded</td><td>10</td><td>30</td><td>10</td>"
                              "<td>1</td></tr>"));
}

TEST(DagScenario, D31_DotIsStableText) {
  DagWorld w;
  EXPECT_EQ(ToDot(*Diamond(w)->compiled()), R"(digraph "diamond" {
  rankdir=LR;
  node [fontname="sans"];
  n0 [label="input" shape=plain style="solid"];
  n1 [label="A" shape=box style="solid"];
  n2 [label="B\ntimeout 80ms" shape=box style="solid"];
  n3 [label="C" shape=box style="dashed"];
  n4 [label="D" shape=box style="solid" peripheries=2];
  n0 -> n1;
  n1 -> n2;
  n1 -> n3;
  n2 -> n4;
  n3 -> n4;
}
)");
}

TEST(DagScenario, D31_MermaidIsStableText) {
  DagWorld w;
  EXPECT_EQ(ToMermaid(*Diamond(w)->compiled()), R"(flowchart LR
  n0(["input"])
  n1["A"]
  n2["B<br/>timeout 80ms"]
  n3["C"]
  style n3 stroke-dasharray: 5 5
  n4[["D"]]
  n0 --> n1
  n1 --> n2
  n1 --> n3
  n2 --> n4
  n3 --> n4
)");
}

TEST(DagDrawing, ShowsTheStatesOfARun) {
  DagWorld w;
  OneRun run(w, Diamond(w));
  run.ToTheEnd();
  EXPECT_THAT(ToDot(run.outcome().plan(), &run.outcome()),
              HasSubstr("n1 [label=\"A\\nsucceeded\" shape=box style=\"solid,filled\" "
                        "fillcolor=\"#c8e6c9\"]"));
  EXPECT_THAT(ToMermaid(run.outcome().plan(), &run.outcome()), HasSubstr("style n4 fill:#c8e6c9"));
}

TEST(DagPathShares, ChargeEachNodeForWhatItHeldUp) {
  DagWorld w;
  const auto plan = Diamond(w);
  PathShares shares(plan->compiled());
  for (int i = 0; i < 2; ++i) {
    OneRun run(w, plan, Order{}, {.tracing = Tracing::kOn, .observer = &shares});
  }
  OneRun untraced(w, plan, Order{}, {.observer = &shares});
  untraced.ToTheEnd();
  EXPECT_EQ(shares.runs(), 2U);
  EXPECT_EQ(shares.duration_nanos(), 90'000'000U);
  EXPECT_EQ(shares.name(2), "B");
  EXPECT_EQ(shares.tally(2).on_path.value(), 2U);
  EXPECT_EQ(shares.tally(2).path_nanos.value(), 60'000'000U);
  EXPECT_EQ(shares.tally(3).on_path.value(), 0U);
  EXPECT_EQ(shares.tally(3).running_nanos.value(), 40'000'000U);
  EXPECT_DOUBLE_EQ(shares.share(2), 30.0 / 45.0);
  double all = 0;
  for (std::uint16_t node = 0; node < shares.node_count(); ++node)
    all += shares.share(node);
  EXPECT_DOUBLE_EQ(all, 1.0);
}

}  // namespace
}  // namespace sluice::dag
