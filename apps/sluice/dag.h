// `sluice dag`: draws a flow, or runs it once against its real upstreams.

#pragma once

#include <string>

namespace sluice::app {

struct DagOptions {
  std::string file;    // A configuration, or only its upstreams and flows.
  std::string flow;    // Empty: the only one.
  std::string format;  // render: "mermaid" or "dot".
  std::string input;   // run: a JSON file that describes the request; empty: GET /.
  std::string gantt;   // run: where the picture goes, .svg or .html; empty: nowhere.
  bool json = false;   // run: for machines.
};

// Prints the picture; 0, or 2 where something is wrong with the file.
[[nodiscard]] int RenderDag(const DagOptions& options);

// Prints the answer and when each call began and ended. 0; 1 for an answer from 400 on; 2 where
// something is wrong with a file; 3 where there was no answer.
[[nodiscard]] int RunDag(const DagOptions& options);

}  // namespace sluice::app
