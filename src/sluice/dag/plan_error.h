// Why a plan cannot be built. Every mistake has a code of its own and names the node.

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::dag {

enum class PlanErrorCode : std::uint8_t {
  kCycle,           // "cycle: a -> b -> c -> a"
  kDuplicateName,   // Two nodes of one name.
  kBadName,         // Empty, or with a character that the pictures and paths use.
  kUnknownInput,    // An input or an output that no node is called.
  kTypeMismatch,    // "expected Cart, got User"
  kForeignHandle,   // A handle of another builder.
  kNotIdempotent,   // Retry or hedge of a node that does not say it is idempotent.
  kBadPolicy,       // A figure out of its range, or a policy the kind of node cannot have.
  kTakenTwice,      // Take() of a value that others read too.
  kStreamConsumer,  // A stream needs exactly one consumer.
  kTooManyNodes,    // More than 65,000.
};

[[nodiscard]] std::string_view NameOf(PlanErrorCode code);

struct PlanError {
  PlanErrorCode code = PlanErrorCode::kCycle;
  std::string node = {};     // The node that is wrong; empty: the plan.
  std::string message = {};  // For people, with places (file:line) where they are known.
};

template <typename T>
using PlanResult = std::expected<T, PlanError>;

}  // namespace sluice::dag
