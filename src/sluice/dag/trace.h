// RunTrace: when each node of a traced run began and ended, and what held the result up.
//
// Made of a run with Tracing::kOn, after it is decided; a later trace of the same run knows more,
// when nodes were still running. Owns its data, so it may outlive the run.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/dag/node_state.h"
#include "sluice/dag/run.h"

namespace sluice::dag {

struct TraceRow {
  std::string node;
  NodeState state = NodeState::kPending;
  // Since the beginning of the run; nothing where it has not begun, or not ended.
  std::optional<Nanos> start;
  std::optional<Nanos> end;
  // How much later it could have ended without delaying the result; nothing for nodes that the
  // result did not wait for.
  std::optional<Nanos> slack;
  bool is_critical = false;
  int attempts = 0;
};

class RunTrace {
 public:
  // Requires a traced run; else there are no times and no path.
  explicit RunTrace(const RunView& run);

  // All nodes but the input, in declaration order.
  [[nodiscard]] const std::vector<TraceRow>& rows() const { return rows_; }
  // From the first node to the one that decided the run: each ended last of the inputs of the next.
  [[nodiscard]] const std::vector<std::string>& critical_path() const { return critical_path_; }
  [[nodiscard]] Nanos duration() const { return duration_; }
  [[nodiscard]] const std::string& plan_name() const { return plan_name_; }

  // One line for each beginning and end, in the order of time, then of declaration:
  // "10.000000 B running". The same run gives the same bytes.
  [[nodiscard]] std::string EventLog() const;

 private:
  std::string plan_name_;
  std::vector<TraceRow> rows_;
  std::vector<std::string> critical_path_;
  Nanos duration_{0};
};

// The node that decided the result: the output, or the node of the run's error; kNoNode: none.
[[nodiscard]] std::uint16_t DecidingNode(const RunView& run);

// The input of `node` that ended last, so that it could begin; kNoNode when it waited for none.
// Requires a traced run. Allocates nothing.
[[nodiscard]] std::uint16_t CriticalInput(const RunView& run, std::uint16_t node);

}  // namespace sluice::dag
