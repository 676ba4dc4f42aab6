#include "dag.h"
#include "dag_file.h"
#include "exit_codes.h"
#include <fmt/format.h>

#include "sluice/dag/drawing.h"
#include "sluice/gateway/flows/flow_plan.h"

namespace sluice::app {

int RenderDag(const DagOptions& options) {
  const std::optional<DagFile> file = LoadDagFile(options.file, options.flow);
  if (!file) return kUsage;
  const auto plan = gateway::flows::FlowPlan::Create(file->flow, file->UpstreamNames());
  if (!plan) {
    fmt::print(stderr, "sluice: {}\n", plan.error().detail);
    return kUsage;
  }
  const dag::CompiledPlan& compiled = *(*plan)->plan().compiled();
  fmt::print("{}", options.format == "dot" ? dag::ToDot(compiled) : dag::ToMermaid(compiled));
  return kSuccess;
}

}  // namespace sluice::app
