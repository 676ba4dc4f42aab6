// Refusal: what the parts of a reader tell each other; a reader makes an Error of it at its border.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::wire {

// Empty `rule`: nothing to refuse. `rule` is a literal and says what is wrong, for people.
struct [[nodiscard]] Refusal {
  ErrorCode code = ErrorCode::kBadRequest;
  std::string_view rule = {};

  explicit operator bool() const { return !rule.empty(); }
};

inline constexpr Refusal kFine{};

inline Refusal Refuse(std::string_view rule) {
  return {.rule = rule};
}

// What a client sent keeps its code; whatever an upstream sent is a bad response.
inline std::unexpected<Error> ToError(const Refusal& refusal, Side side) {
  return std::unexpected(
      Error{.code = side == Side::kUpstream ? ErrorCode::kBadResponse : refusal.code,
            .side = side,
            .detail = std::string(refusal.rule)});
}

}  // namespace sluice::wire
