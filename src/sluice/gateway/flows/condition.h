// Condition: whether a call is made. Objects, not strings:
//
//   condition  = {all: [condition, …]} / {any: [condition, …]} / {not: condition}
//              / {value: reference, comparison}
//   comparison = exists: true / false | equals: scalar | in: [scalar, …]
//              | gt: number | gte: number | lt: number | lte: number
//
// What is not there fails every comparison but `exists: false`. Immutable; thread-safe.

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "sluice/gateway/flows/json_body.h"
#include "sluice/gateway/flows/reference.h"
#include "sluice/gateway/flows/value_tree.h"

namespace sluice::gateway::flows {

class Condition {
 public:
  Condition() = default;
  // Tells every problem at once, wrong types among them: a header field is never a number.
  static std::expected<Condition, std::vector<TreeProblem>> Compile(const ValueTree& tree);

  [[nodiscard]] bool Holds(Scope& scope) const;

  template <typename Visit>
  void ForEachReference(Visit visit) const {
    if (kind_ >= Kind::kExists) visit(reference_);
    for (const Condition& part : parts_)
      part.ForEachReference(visit);
  }

 private:
  friend class ConditionCompiler;
  enum class Kind : std::uint8_t {
    kAll,
    kAny,
    kNot,
    kExists,  // From here on with a reference.
    kAbsent,
    kIn,
    kGreater,
    kGreaterOrEqual,
    kLess,
    kLessOrEqual,
  };

  Kind kind_ = Kind::kAll;
  std::vector<Condition> parts_;
  Reference reference_;
  std::vector<std::string> operands_;  // JSON scalars.
  std::string bound_;                  // A JSON number.
};

}  // namespace sluice::gateway::flows
