// Plans of names: the same engine behind them, and each mistake with its own code (D20).

#include "sluice/dag/described_plan.h"

#include <nlohmann/json.hpp>

#include "sluice/dag/dag_fixture.h"
#include "sluice/platform/sim/worker_pool.h"

namespace sluice::dag {
namespace {

using Json = nlohmann::json;
using Node = DescribedBody<Json>;

Node Call(DagWorld& w, std::string name, std::vector<std::string> inputs, const Script& script) {
  Node node;
  node.name = std::move(name);
  for (std::string& input : inputs)
    node.inputs.push_back({.node = std::move(input)});
  node.call = [&w, script](Context& context, Inputs<Json> in) -> Work<Json> {
    w.Write(std::string(context.node()));
    const bool slept = co_await context.SleepFor(script.takes);
    if (!slept || script.fails) co_return Fail(ErrorCode::kNotFound, "scripted");
    Json value = {{"value", script.value}};
    for (std::size_t i = 0; i < in.size(); ++i)
      value["in"].push_back(in[i]);
    co_return value;
  };
  return node;
}

// "code: message" of every problem.
std::vector<std::string> ProblemsOf(const PlanDescription<Json>& description) {
  std::vector<std::string> told;
  const auto plan = BuildDescribed(description);
  if (plan) return told;
  for (const PlanError& error : plan.error()) {
    told.push_back(fmt::format("{}: {}", NameOf(error.code), error.message));
  }
  return told;
}

Json RunDescribed(DagWorld& w, const PlanDescription<Json>& description, const Json& input = {}) {
  const auto plan = BuildDescribed(description);
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().front().message);
  const PlanResult<Plan<Json, Json>> good = *plan;
  OneRun run(w, good, input);
  run.ToTheEnd();
  w.Write("end");
  if (!run.outcome()) return Describe(*run.outcome().error());
  return *run.outcome();
}

TEST(DagDescribedPlan, RunsNodesDescribedInAnyOrder) {
  DagWorld w;
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "c"}};
  flow.nodes.push_back(Call(w, "c", {"a", "b"}, {.takes = 5ms, .value = 3}));
  flow.nodes.push_back(Call(w, "b", {"a"}, {.takes = 20ms, .value = 2}));
  flow.nodes.push_back(Call(w, "a", {"input"}, {.takes = 10ms, .value = 1}));
  const Json a = {{"value", 1}, {"in", {{{"id", 7}}}}};
  const Json b = {{"value", 2}, {"in", {a}}};
  EXPECT_EQ(RunDescribed(w, flow, {{"id", 7}}), (Json{{"value", 3}, {"in", {a, b}}}));
  EXPECT_THAT(w.diary, ElementsAre("a@0", "b@10", "c@30", "end@35"));
}

TEST(DagDescribedPlan, HasFallbacksOptionalsEffectsOrderAndPlainFunctions) {
  DagWorld w;
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "sum"}};
  flow.nodes.push_back(Call(w, "bad", {"input"}, {.takes = 1ms, .fails = true}));
  flow.nodes.back().fallback = [](const NodeError& error) { return Json(NameOf(error.kind)); };
  flow.nodes.push_back(Call(w, "maybe", {"input"}, {.takes = 1ms, .fails = true}));
  flow.nodes.back().is_optional = true;
  flow.nodes.push_back(Call(w, "log", {"input"}, {.takes = 9ms}));
  flow.nodes.back().is_effect = true;
  flow.nodes.back().after = {{.node = "maybe"}};
  Node sum{{.name = "sum", .inputs = {{.node = "bad"}, {.node = "maybe"}}}};
  sum.compute = [](Inputs<Json> in) -> Result<Json> { return Json{in[0], in[1]}; };
  flow.nodes.push_back(sum);
  EXPECT_EQ(RunDescribed(w, flow), (Json{"failed", nullptr}));
  EXPECT_THAT(w.diary, ElementsAre("bad@0", "maybe@0", "log@1", "end@10"));
}

TEST(DagDescribedPlan, ChoosesASide) {
  for (const bool rich : {true, false}) {
    DagWorld w;
    PlanDescription<Json> flow{.name = "flow", .output = {.node = "pick"}};
    flow.nodes.push_back(Call(w, "gift", {"input"}, {.takes = 3ms, .value = 1}));
    Node pick{{.name = "pick", .inputs = {{.node = "input"}, {.node = "gift"}}}};
    pick.choose = [](const Json& input) { return input.at("rich").get<bool>(); };
    flow.nodes.push_back(pick);
    const Json value = RunDescribed(w, flow, {{"rich", rich}});
    EXPECT_EQ(value.is_null(), !rich);
    EXPECT_EQ(w.diary.size(), rich ? 2U : 1U);
  }
}

TEST(DagDescribedPlan, AConditionThatThrowsFailsTheChoice) {
  DagWorld w;
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "pick"}};
  flow.nodes.push_back(Call(w, "gift", {"input"}, {}));
  Node pick{{.name = "pick", .inputs = {{.node = "input"}, {.node = "gift"}}}};
  pick.choose = [](const Json& input) { return input.at("rich").get<bool>(); };
  flow.nodes.push_back(pick);
  EXPECT_THAT(RunDescribed(w, flow, Json::object()).get<std::string>(),
              HasSubstr("pick.condition: failed: exception"));
}

TEST(DagDescribedPlan, RunsAFunctionOnAPool) {
  DagWorld w;
  sim::WorkerPool pool({.duration = 40ms});
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "pdf"}};
  Node pdf{{.name = "pdf", .inputs = {{.node = "input"}}}};
  pdf.compute = [](Inputs<Json> in) -> Result<Json> { return Json(in[0].size()); };
  pdf.pool = &pool;
  flow.nodes.push_back(pdf);
  EXPECT_EQ(RunDescribed(w, flow, {1, 2, 3}), Json(3));
  EXPECT_EQ(w.ms(), 40);
}

TEST(DagDescribedPlan, AComputationMayFailOrThrow) {
  DagWorld w;
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "a"}};
  Node a{{.name = "a", .inputs = {{.node = "input"}}}};
  a.compute = [](Inputs<Json> in) -> Result<Json> {
    if (in[0].is_null()) return Fail(ErrorCode::kNotFound, "nothing");
    return in[0].at("missing");
  };
  flow.nodes.push_back(a);
  EXPECT_EQ(RunDescribed(w, flow), Json("a: failed: nothing"));
  EXPECT_THAT(RunDescribed(w, flow, Json::object()).get<std::string>(), HasSubstr("exception"));
}

TEST(DagScenario, D20_ADescribedCycleIsToldWithItsPlaces) {
  DagWorld w;
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "c"}};
  flow.nodes.push_back(Call(w, "a", {"c"}, {}));
  flow.nodes.push_back(Call(w, "b", {"a"}, {}));
  flow.nodes.push_back(Call(w, "c", {"b"}, {}));
  for (int i = 0; i < 3; ++i) {
    flow.nodes[static_cast<std::size_t>(i)].where = fmt::format("f.yaml:{}:3", i + 4);
  }
  EXPECT_THAT(ProblemsOf(flow),
              ElementsAre("cycle: cycle: a -> b -> c -> a (a at f.yaml:4:3, b at f.yaml:5:3, "
                          "c at f.yaml:6:3)"));
}

TEST(DagScenario, D20_EachDescribedMistakeHasItsOwnCode) {
  DagWorld w;
  PlanDescription<Json> twice{.name = "flow", .output = {.node = "a"}};
  twice.nodes = {Call(w, "a", {}, {}), Call(w, "a", {}, {})};
  twice.nodes[0].where = "f.yaml:1:1";
  twice.nodes[1].where = "f.yaml:2:1";
  EXPECT_THAT(ProblemsOf(twice),
              ElementsAre("duplicate_name: f.yaml:2:1: node \"a\": the name is taken already, at "
                          "f.yaml:1:1"));

  PlanDescription<Json> wrong{.name = "flow", .output = {.node = "nobody"}};
  wrong.nodes = {Call(w, "user", {"usr"}, {}), Call(w, "price", {}, {})};
  wrong.nodes[0].type = "User";
  wrong.nodes[0].where = "f.yaml:3:1";
  wrong.nodes[1].inputs = {{.node = "user", .type = "Cart", .where = "f.yaml:7:9"}};
  wrong.nodes[1].after = {{.node = "ghost"}};
  EXPECT_THAT(ProblemsOf(wrong),
              ElementsAre("unknown_input: f.yaml:3:1: node \"user\": no node is called \"usr\"",
                          "type_mismatch: f.yaml:7:9: node \"price\": \"user\": expected Cart, "
                          "got User",
                          "unknown_input: node \"price\": no node is called \"ghost\"",
                          "unknown_input: output: no node is called \"nobody\""));

  PlanDescription<Json> typed{
      .name = "flow", .input_type = "Order", .output = {.node = "a", .type = "Bill"}};
  typed.nodes = {Call(w, "a", {}, {})};
  typed.nodes[0].type = "Order";
  typed.nodes[0].inputs = {{.node = "input", .type = "Order"}};
  EXPECT_THAT(ProblemsOf(typed),
              ElementsAre("type_mismatch: output: \"a\": expected Bill, got Order"));
}

TEST(DagDescribedPlan, AChoiceNeedsItsSides) {
  DagWorld w;
  PlanDescription<Json> flow{.name = "flow", .output = {.node = "pick"}};
  Node pick{{.name = "pick", .inputs = {{.node = "input"}}}};
  pick.choose = [](const Json&) { return true; };
  flow.nodes.push_back(pick);
  EXPECT_THAT(ProblemsOf(flow),
              ElementsAre("unknown_input: a choice has a condition and one or two sides"));
}

}  // namespace
}  // namespace sluice::dag
