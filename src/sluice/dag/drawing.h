// Pictures of a plan, for people: Graphviz and Mermaid. The same plan gives the same bytes.

#pragma once

#include <string>

#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/run.h"

namespace sluice::dag {

// Boxes are asynchronous nodes, ovals plain functions, diamonds choices; dashed nodes are optional,
// dashed edges order only; the output has a double border. With a run, nodes show their state.
[[nodiscard]] std::string ToDot(const CompiledPlan& plan, const RunView* run = nullptr);
[[nodiscard]] std::string ToMermaid(const CompiledPlan& plan, const RunView* run = nullptr);

}  // namespace sluice::dag
