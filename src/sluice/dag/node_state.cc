#include "sluice/dag/node_state.h"

#include <fmt/format.h>

#include "sluice/dag/work.h"

namespace sluice::dag {

std::string_view NameOf(NodeState state) {
  switch (state) {
    case NodeState::kPending:
      return "pending";
    case NodeState::kRunning:
      return "running";
    case NodeState::kSucceeded:
      return "succeeded";
    case NodeState::kDegraded:
      return "degraded";
    case NodeState::kFailed:
      return "failed";
    case NodeState::kTimedOut:
      return "timed_out";
    case NodeState::kCancelled:
      return "cancelled";
    case NodeState::kSkipped:
      return "skipped";
    case NodeState::kNotSelected:
      return "skipped(not_selected)";
    case NodeState::kNotNeeded:
      return "skipped(not_needed)";
  }
  return "";
}

std::string_view NameOf(FailureKind kind) {
  switch (kind) {
    case FailureKind::kFailed:
      return "failed";
    case FailureKind::kTimedOut:
      return "timed_out";
    case FailureKind::kCancelled:
      return "cancelled";
    case FailureKind::kRejected:
      return "rejected";
  }
  return "";
}

NodeError ErrorOfBody(Error error) {
  const bool refused = !error.guard.empty();
  return {.kind = refused ? FailureKind::kRejected : FailureKind::kFailed,
          .cause = std::move(error)};
}

NodeError ErrorOfException(std::exception_ptr exception) {
  NodeError error;
  error.cause.code = ErrorCode::kInputOutput;
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& thrown) {
    error.cause.detail = fmt::format("exception: {}", thrown.what());
  } catch (...) {
    error.cause.detail = "exception of an unknown type";
  }
  error.exception = std::move(exception);
  return error;
}

std::string Describe(const NodeError& error) {
  std::string text = error.node.empty() ? "run" : error.node;
  text += fmt::format(": {}", NameOf(error.kind));
  if (!error.cause.guard.empty()) {
    text += fmt::format(": {}/{}", error.cause.guard, error.cause.rule);
  }
  if (!error.cause.detail.empty()) text += fmt::format(": {}", error.cause.detail);
  return text;
}

void WorkOwner::FailWithException() {
  Fail(ErrorOfException(std::current_exception()));
}

}  // namespace sluice::dag
