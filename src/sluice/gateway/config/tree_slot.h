// TreeSlot: a value of any shape, such as a body; what it means is read elsewhere.

#pragma once

#include <string_view>

#include "sluice/gateway/config/slot.h"
#include "sluice/gateway/flows/value_tree.h"

namespace sluice::gateway::config {

class TreeSlot final : public Slot {
 public:
  // `type` for people: "any value", "condition".
  TreeSlot(flows::ValueTree& value, std::string_view type) : value_(value), type_(type) {}
  [[nodiscard]] flows::ValueTree& value() { return value_; }
  [[nodiscard]] std::string_view type() const { return type_; }
  void Accept(SlotVisitor& visitor) override { visitor.OnTree(*this); }

 private:
  flows::ValueTree& value_;
  std::string_view type_;
};

inline TreeSlot Tree(flows::ValueTree& value, std::string_view type) {
  return {value, type};
}

// The value as JSON: words by what they look like.
[[nodiscard]] Json JsonOf(const flows::ValueTree& tree);

}  // namespace sluice::gateway::config
