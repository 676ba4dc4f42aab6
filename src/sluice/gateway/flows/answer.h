// Answer: what a node of a flow got, and FlowValue: how it travels through a run.

#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::gateway::flows {

struct FlowRun;

// Immutable once there.
struct Answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Those that somebody asks for.
  std::string body;  // Content; JSON where somebody leads into it. Empty: none.
};

// A value of the plan. Empty: the node has no answer.
struct FlowValue {
  std::shared_ptr<const Answer> answer;
  std::shared_ptr<FlowRun> run;  // Of the input of the plan alone.
  bool holds = false;            // Of a condition alone.
};

}  // namespace sluice::gateway::flows
