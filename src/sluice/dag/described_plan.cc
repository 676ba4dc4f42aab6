#include "sluice/dag/described_plan.h"

#include <fmt/format.h>

namespace sluice::dag::internal {
namespace {

constexpr std::string_view kInputName = "input";

std::string Placed(const DescribedNode* reader, const DescribedInput& input, std::string message) {
  const std::string& where =
      !input.where.empty() || reader == nullptr ? input.where : reader->where;
  const std::string place = where.empty() ? "" : fmt::format("{}: ", where);
  if (reader == nullptr) return fmt::format("{}output: {}", place, message);
  return fmt::format("{}node \"{}\": {}", place, reader->name, message);
}

}  // namespace

NameTable::NameTable(std::string_view input_type, std::vector<const DescribedNode*> nodes)
    : input_type_(input_type), nodes_(std::move(nodes)) {}

std::uint16_t NameTable::Find(std::string_view name) const {
  if (name == kInputName) return 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->name == name) return static_cast<std::uint16_t>(i + 1);
  }
  return kNoNode;
}

std::uint16_t NameTable::Resolve(const DescribedNode* reader, const DescribedInput& input) {
  const std::string node = reader == nullptr ? "" : reader->name;
  const std::uint16_t found = Find(input.node);
  if (found == kNoNode) {
    problems_.push_back(
        {.code = PlanErrorCode::kUnknownInput,
         .node = node,
         .message = Placed(reader, input, fmt::format("no node is called \"{}\"", input.node))});
    return kNoNode;
  }
  const std::string_view got = found == 0 ? input_type_ : nodes_[found - 1U]->type;
  if (input.type == kAnyType || got == kAnyType || input.type == got) return found;
  problems_.push_back(
      {.code = PlanErrorCode::kTypeMismatch,
       .node = node,
       .message = Placed(reader, input,
                         fmt::format("\"{}\": expected {}, got {}", input.node, input.type, got))});
  return kNoNode;
}

}  // namespace sluice::dag::internal
