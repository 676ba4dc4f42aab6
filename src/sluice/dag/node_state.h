// What became of a node in one run, and why. Values only.

#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::dag {

// Every node of a run ends in exactly one state after kRunning.
enum class NodeState : std::uint8_t {
  kPending,  // Waits for its inputs, or for its turn.
  kRunning,
  kSucceeded,
  kDegraded,  // Failed, but its fallback or its absence (optional) took the place of the value.
  kFailed,
  kTimedOut,
  kCancelled,
  kSkipped,      // An input that it needs did not come.
  kNotSelected,  // On the side of a When() that was not taken.
  kNotNeeded,    // The output does not depend on it, and it is no effect.
};

[[nodiscard]] constexpr bool IsTerminal(NodeState state) {
  return state > NodeState::kRunning;
}
// Ends with a value that dependents may read.
[[nodiscard]] constexpr bool HasValue(NodeState state) {
  return state == NodeState::kSucceeded || state == NodeState::kDegraded;
}

// "pending", "running", "succeeded", …, "skipped", "skipped(not_selected)", "skipped(not_needed)".
[[nodiscard]] std::string_view NameOf(NodeState state);

enum class FailureKind : std::uint8_t {
  kFailed,     // The body returned an error or threw.
  kTimedOut,   // Its deadline passed, or too little was left to start.
  kCancelled,  // Somebody asked for it.
  kRejected,   // A guard, a pool or the bound on runs refused before the body began.
};

// "failed", "timed_out", "cancelled", "rejected".
[[nodiscard]] std::string_view NameOf(FailureKind kind);

// Why a node, or a whole run, has no value. Failures are rare, so this may allocate.
struct NodeError {
  FailureKind kind = FailureKind::kFailed;
  std::string node = {};  // "risk"; "shipping/quote" inside of a sub-plan; empty: the run itself.
  Error cause = {};
  std::exception_ptr exception = nullptr;  // What the body threw, if it did.
};

// What a body threw, as an error of kind kFailed that keeps it.
[[nodiscard]] NodeError ErrorOfException(std::exception_ptr exception);

// What a body returned as its error: refused when a guard or a pool further in says so, since its
// work never began then; else failed.
[[nodiscard]] NodeError ErrorOfBody(Error error);

// "risk: timed_out: no answer within 30ms"
[[nodiscard]] std::string Describe(const NodeError& error);

}  // namespace sluice::dag
