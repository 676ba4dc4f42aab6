// A picture of a traced run: a bar for each node over time, the critical path in another colour.

#pragma once

#include <string>

#include "sluice/dag/trace.h"

namespace sluice::dag {

// A self-contained SVG document. The same trace gives the same bytes.
[[nodiscard]] std::string ToGanttSvg(const RunTrace& trace);

// An HTML page with the picture, a table of all nodes and the critical path; no scripts, nothing
// to load.
[[nodiscard]] std::string ToGanttHtml(const RunTrace& trace);

}  // namespace sluice::dag
