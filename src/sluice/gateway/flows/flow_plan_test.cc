#include "sluice/gateway/flows/flow_plan.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/dag/drawing.h"
#include "sluice/gateway/config/load.h"

namespace sluice::gateway::flows {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The flow `f` of these nodes and this response.
std::shared_ptr<const FlowPlan> Plan(std::string_view nodes, std::string_view response) {
  const std::string text =
      "upstreams: [{name: u, endpoints: [\"127.0.0.1:1\"]}, {name: v, endpoints: "
      "[\"127.0.0.1:2\"]}]\nflows:\n  - name: f\n    nodes:\n" +
      std::string(nodes) + "\n    response: " + std::string(response) + "\n";
  const config::LoadOutcome outcome =
      config::LoadConfig(text, "test.yaml", {.environment = {}, .may_lack_routes = true});
  EXPECT_TRUE(outcome.ok()) << config::FormatProblems(outcome);
  if (!outcome.ok()) return nullptr;
  auto plan = FlowPlan::Create(outcome.config.flows.front(), {"u", "v"});
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().detail);
  return plan ? *plan : nullptr;
}

TEST(FlowPlan, WhatACallReadsIsWhatItWaitsFor) {
  const auto plan = Plan(R"(      - {name: a, upstream: v, path: "/{{request.query.q}}"}
      - name: b
        upstream: u
        method: PUT
        path: "/{{a.body/x}}"
        query: {q: "{{a.status}}"}
        headers: {h: "{{a.header.ETag}}", i: "{{request.header.I}}"}
        body: ["{{request.body/n}}", "x {{a.body/y}}"])",
                         R"({body: "{{b.body}}"})");
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->nodes()[0].upstream, 1U);
  EXPECT_THAT(plan->nodes()[0].inputs, IsEmpty());
  EXPECT_THAT(plan->nodes()[1].inputs, ElementsAre("a"));
  EXPECT_TRUE(plan->nodes()[1].is_idempotent);
  EXPECT_TRUE(plan->nodes()[0].wants_json);
  EXPECT_THAT(plan->nodes()[0].wanted_headers, ElementsAre("etag"));
  EXPECT_THAT(plan->request_headers(), ElementsAre("i"));
  EXPECT_TRUE(plan->needs_request_body());
  EXPECT_THAT(plan->response().inputs, ElementsAre("b"));
}

TEST(FlowPlan, ABodyThatNobodyReadsNeedBeNoJson) {
  const auto plan =
      Plan(R"(      - {name: a, upstream: u, path: /})", R"({status: "{{a.status}}"})");
  ASSERT_NE(plan, nullptr);
  EXPECT_FALSE(plan->nodes()[0].wants_json);
  EXPECT_FALSE(plan->needs_request_body());
}

TEST(FlowPlan, AFallbackIsRenderedOnce) {
  const auto plan =
      Plan(R"(      - {name: a, upstream: u, path: /, fallback: {body: {x: [1, "1"]}}})",
           R"({body: "{{a.body}}"})");
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->nodes()[0].fallback->body, R"({"x":[1,"1"]})");
}

TEST(FlowPlan, AConditionIsDecidedBeforeItsCallAndReadThroughItsChoice) {
  const auto plan = Plan(R"(      - {name: a, upstream: u, path: /a}
      - {name: b, upstream: u, path: /b, when: {value: a.body/x, exists: true}}
      - {name: c, upstream: u, path: "/{{b.body/y ?? 0}}", after: [a]})",
                         R"({body: "{{c.body}}"})");
  ASSERT_NE(plan, nullptr);
  EXPECT_THAT(plan->nodes()[1].condition_inputs, ElementsAre("a"));
  EXPECT_EQ(plan->NodeOf("b.when"), 1U);
  EXPECT_EQ(plan->NodeOf("b.then"), 1U);
  EXPECT_EQ(plan->NodeOf("b"), 1U);
  EXPECT_EQ(plan->NodeOf("response"), FlowPlan::kNoNode);
  const std::string drawn = dag::ToMermaid(*plan->plan().compiled());
  EXPECT_THAT(drawn, HasSubstr("b.when"));
  EXPECT_THAT(drawn, HasSubstr("b.then"));
  EXPECT_THAT(drawn, Not(HasSubstr("a.when")));
}

TEST(FlowPlan, AnUnknownUpstreamIsRefused) {
  config::FlowConfig config;
  config.name = "f";
  config.nodes.emplace_back();
  config.nodes.back().name = "a";
  config.nodes.back().upstream = "w";
  config.nodes.back().path = "/";
  const auto plan = FlowPlan::Create(config, {"u"});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalidConfig);
  EXPECT_EQ(plan.error().detail, "flow `f`: no upstream `w`");
}

TEST(FlowPlan, ACycleIsRefusedByTheEngineToo) {
  config::FlowConfig config;
  config.name = "f";
  for (const char* name : {"a", "b"}) {
    config.nodes.emplace_back();
    config.nodes.back().name = name;
    config.nodes.back().upstream = "u";
    config.nodes.back().path = "/";
  }
  config.nodes[0].path = "/{{b.status}}";
  config.nodes[1].after = {"a"};
  const auto plan = FlowPlan::Create(config, {"u"});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().detail, HasSubstr("cycle"));
}

}  // namespace
}  // namespace sluice::gateway::flows
