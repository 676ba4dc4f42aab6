#include "sluice/dag/draft.h"

#include <utility>

namespace sluice::dag {

std::string_view NameOf(PlanErrorCode code) {
  switch (code) {
    case PlanErrorCode::kCycle:
      return "cycle";
    case PlanErrorCode::kDuplicateName:
      return "duplicate_name";
    case PlanErrorCode::kBadName:
      return "bad_name";
    case PlanErrorCode::kUnknownInput:
      return "unknown_input";
    case PlanErrorCode::kTypeMismatch:
      return "type_mismatch";
    case PlanErrorCode::kForeignHandle:
      return "foreign_handle";
    case PlanErrorCode::kNotIdempotent:
      return "not_idempotent";
    case PlanErrorCode::kBadPolicy:
      return "bad_policy";
    case PlanErrorCode::kTakenTwice:
      return "taken_twice";
    case PlanErrorCode::kStreamConsumer:
      return "stream_consumer";
    case PlanErrorCode::kTooManyNodes:
      return "too_many_nodes";
  }
  return "";
}

const std::shared_ptr<const Policy>& DefaultPolicy() {
  static const auto policy = std::make_shared<const Policy>();
  return policy;
}

std::uint16_t PlanDraft::Add(NodeDraft node) {
  if (nodes_.size() >= kNodesMax) {
    Complain(PlanErrorCode::kTooManyNodes, node.name, "a plan has at most 65,000 nodes");
    return 0;
  }
  nodes_.push_back(std::move(node));
  return static_cast<std::uint16_t>(nodes_.size() - 1);
}

void PlanDraft::After(std::uint16_t earlier, std::uint16_t later) {
  nodes_[later].inputs.push_back({.node = earlier, .kind = EdgeKind::kOrder});
}

void PlanDraft::Complain(PlanErrorCode code, std::string node, std::string message) {
  problems_.push_back({.code = code, .node = std::move(node), .message = std::move(message)});
}

std::uint16_t PlanDraft::Find(std::string_view name) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].name == name) return static_cast<std::uint16_t>(i);
  }
  return kNoNode;
}

}  // namespace sluice::dag
