// Event rules: which answers a metric of the judge counts, as configurations write it.
//
//   rule  = all *( "||" all )
//   all   = term *( "&&" term )
//   term  = "status" compare number | "duration" compare number ("ms" | "s")
//         | "timeout" | "reset" | "connect_failure" | member compare literal
//   member  = "body" pointer | "body" 1*( "." name ); a JSON pointer (RFC 6901), or its short form
//   literal = number | "true" | "false" | "null" | "'" text "'"; of these only numbers have an
//   order compare = ">=" | "<=" | "==" | "!=" | ">" | "<"
//
// A term about a member that the body does not have, or about a body that is not known, never
// holds.
//
// Immutable; any thread. Asking allocates nothing.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::release {

// A value of a JSON body; an array or an object is of no kind that a rule can ask for.
struct BodyValue {
  enum class Kind : std::uint8_t { kOther, kNull, kBoolean, kNumber, kText };
  Kind kind = Kind::kOther;
  double number = 0;      // Of a boolean 0 or 1.
  std::string_view text;  // What a string says.
  friend bool operator==(const BodyValue&, const BodyValue&) = default;
};

// The body of an answer, as far as rules ask for it.
class BodyFacts {
 public:
  // Where `pointer`, one of an EventRule's, leads; nothing: nowhere. Lives until the next call.
  [[nodiscard]] virtual std::optional<BodyValue> At(std::string_view pointer) const = 0;

 protected:
  ~BodyFacts() = default;
};

// How one attempt on an arm ended.
struct AnswerFacts {
  int status = 0;  // 0: there was no answer.
  bool timed_out = false;
  bool was_reset = false;
  bool connect_failed = false;
  Nanos duration{0};
  const BodyFacts* body = nullptr;  // Null: not known.
};

class EventRule {
 public:
  // Fails with kInvalidOption and what to write instead.
  [[nodiscard]] static Result<EventRule> Parse(std::string_view text);

  [[nodiscard]] bool Counts(const AnswerFacts& answer) const;

  // The JSON pointers that it asks of bodies, "/a/b".
  [[nodiscard]] std::vector<std::string_view> pointers() const;

 private:
  enum class Field : std::uint8_t {
    kStatus,
    kDurationMs,
    kTimeout,
    kReset,
    kConnectFailure,
    kBody
  };
  enum class Compare : std::uint8_t { kGe, kLe, kEq, kNe, kGt, kLt };
  struct Term {
    Field field = Field::kStatus;
    Compare compare = Compare::kGe;
    double value = 0;
    std::string pointer;  // Of kBody.
    BodyValue::Kind kind = BodyValue::Kind::kOther;
    std::string text;
    bool begins_alternative = false;  // After "||", and the first of all.
  };

  [[nodiscard]] static Result<Term> ParseTerm(std::string_view text);
  [[nodiscard]] static Result<Term> ParseBodyTerm(std::string_view text);
  [[nodiscard]] static bool Compares(const Term& term, double value);
  [[nodiscard]] static bool HoldsOf(const Term& term, const BodyFacts& body);
  [[nodiscard]] static bool Holds(const Term& term, const AnswerFacts& answer);

  std::vector<Term> terms_;
};

}  // namespace sluice::release
