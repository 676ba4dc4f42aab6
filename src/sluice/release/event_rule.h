// Event rules: which answers a metric of the judge counts, as configurations write it.
//
//   rule  = all *( "||" all )
//   all   = term *( "&&" term )
//   term  = "status" compare number | "duration" compare number ("ms" | "s")
//         | "timeout" | "reset" | "connect_failure"
//   compare = ">=" | "<=" | "==" | "!=" | ">" | "<"
//
// Immutable; any thread. Asking allocates nothing.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::release {

// How one attempt on an arm ended.
struct AnswerFacts {
  int status = 0;  // 0: there was no answer.
  bool timed_out = false;
  bool was_reset = false;
  bool connect_failed = false;
  Nanos duration{0};
};

class EventRule {
 public:
  // Fails with kInvalidOption and what to write instead.
  [[nodiscard]] static Result<EventRule> Parse(std::string_view text);

  [[nodiscard]] bool Counts(const AnswerFacts& answer) const;

 private:
  enum class Field : std::uint8_t { kStatus, kDurationMs, kTimeout, kReset, kConnectFailure };
  enum class Compare : std::uint8_t { kGe, kLe, kEq, kNe, kGt, kLt };
  struct Term {
    Field field = Field::kStatus;
    Compare compare = Compare::kGe;
    double value = 0;
    bool begins_alternative = false;  // After "||", and the first of all.
  };

  [[nodiscard]] static Result<Term> ParseTerm(std::string_view text);
  [[nodiscard]] static bool Holds(const Term& term, const AnswerFacts& answer);

  std::vector<Term> terms_;
};

}  // namespace sluice::release
