#include "sluice/release/event_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace sluice::release {
namespace {

constexpr std::string_view kForm =
    "write e.g. \"status >= 500 || timeout\" or \"body.code != 0\"; known are status, duration, "
    "timeout, reset, connect_failure and members of the body, joined by && and ||";

std::string_view WithoutSpaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

// Takes the text before `mark` off `rest`, and the mark.
std::string_view Split(std::string_view& rest, std::string_view mark, bool& is_last) {
  const std::size_t at = rest.find(mark);
  is_last = at == std::string_view::npos;
  const std::string_view part = WithoutSpaces(rest.substr(0, at));
  rest = is_last ? std::string_view() : rest.substr(at + mark.size());
  return part;
}

std::unexpected<Error> Unknown(std::string_view text) {
  return Fail(ErrorCode::kInvalidOption,
              fmt::format("must be conditions, got \"{}\"; {}", text, kForm));
}

// Takes the sign of a comparison off `rest`, with the spaces around it.
template <typename Compare>
bool TakeCompare(std::string_view& rest, Compare& compare) {
  constexpr std::array<std::pair<std::string_view, Compare>, 6> kCompares = {{
      {">=", Compare::kGe},
      {"<=", Compare::kLe},
      {"==", Compare::kEq},
      {"!=", Compare::kNe},
      {">", Compare::kGt},
      {"<", Compare::kLt},
  }};
  rest = WithoutSpaces(rest);
  for (const auto& [mark, sign] : kCompares) {
    if (!rest.starts_with(mark)) continue;
    compare = sign;
    rest = WithoutSpaces(rest.substr(mark.size()));
    return true;
  }
  return false;
}

}  // namespace

Result<EventRule::Term> EventRule::ParseBodyTerm(std::string_view text) {
  Term term{.field = Field::kBody};
  std::string_view rest = text.substr(4);
  const std::size_t end = std::min(rest.find_first_of(" =!<>"), rest.size());
  term.pointer = rest.substr(0, end);
  // The short form is made of plain names, so that no point has two meanings.
  if (term.pointer.starts_with('.')) std::ranges::replace(term.pointer, '.', '/');
  for (std::size_t i = term.pointer.find_first_of("~%"); i != std::string::npos;
       i = term.pointer.find_first_of("~%", i + 1)) {
    const bool is_escape = i + 1 < term.pointer.size() && term.pointer[i] == '~' &&
                           (term.pointer[i + 1] == '0' || term.pointer[i + 1] == '1');
    if (!is_escape) return Unknown(text);
  }
  if (term.pointer.ends_with('/') || term.pointer.find("//") != std::string::npos) {
    return Unknown(text);
  }
  rest.remove_prefix(end);
  if (!TakeCompare(rest, term.compare)) return Unknown(text);
  const bool is_quoted = rest.size() >= 2 && rest.starts_with('\'') && rest.ends_with('\'');
  if (is_quoted) {
    term.kind = BodyValue::Kind::kText;
    term.text = rest.substr(1, rest.size() - 2);
  } else if (rest == "true" || rest == "false") {
    term.kind = BodyValue::Kind::kBoolean;
    term.value = rest == "true" ? 1 : 0;
  } else if (rest == "null") {
    term.kind = BodyValue::Kind::kNull;
  } else {
    term.kind = BodyValue::Kind::kNumber;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), term.value);
    if (error != std::errc() || stop != rest.data() + rest.size()) return Unknown(text);
  }
  const bool has_order = term.kind == BodyValue::Kind::kNumber;
  if (!has_order && term.compare != Compare::kEq && term.compare != Compare::kNe) {
    return Unknown(text);
  }
  return term;
}

Result<EventRule::Term> EventRule::ParseTerm(std::string_view text) {
  if (text == "timeout") return Term{.field = Field::kTimeout};
  if (text == "reset") return Term{.field = Field::kReset};
  if (text == "connect_failure") return Term{.field = Field::kConnectFailure};
  if (text.starts_with("body.") || text.starts_with("body/")) return ParseBodyTerm(text);
  Term term;
  std::string_view rest = text;
  if (rest.starts_with("status")) {
    rest.remove_prefix(6);
  } else if (rest.starts_with("duration")) {
    term.field = Field::kDurationMs;
    rest.remove_prefix(8);
  } else {
    return Unknown(text);
  }
  if (!TakeCompare(rest, term.compare)) return Unknown(text);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc()) return Unknown(text);
  const std::string_view unit = rest.substr(static_cast<std::size_t>(end - rest.data()));
  term.value = number;
  if (term.field == Field::kDurationMs) {
    if (unit != "ms" && unit != "s") return Unknown(text);
    if (unit == "s") term.value *= 1000;
  } else if (!unit.empty() || number < 100 || number > 599) {
    return Unknown(text);
  }
  return term;
}

Result<EventRule> EventRule::Parse(std::string_view text) {
  EventRule rule;
  std::string_view rest = text;
  bool is_last = false;
  while (!is_last) {
    std::string_view all = Split(rest, "||", is_last);
    bool is_end = false;
    for (bool is_first = true; !is_end; is_first = false) {
      const std::string_view part = Split(all, "&&", is_end);
      Result<Term> term = ParseTerm(part);
      if (!term) return std::unexpected(term.error());
      term->begins_alternative = is_first;
      rule.terms_.push_back(*term);
    }
  }
  return rule;
}

std::vector<std::string_view> EventRule::pointers() const {
  std::vector<std::string_view> found;
  for (const Term& term : terms_) {
    if (term.field == Field::kBody) found.push_back(term.pointer);
  }
  return found;
}

bool EventRule::HoldsOf(const Term& term, const BodyFacts& body) {
  const std::optional<BodyValue> value = body.At(term.pointer);
  if (!value) return false;
  if (term.kind == BodyValue::Kind::kNumber) {
    // A text is not equal to any number.
    return value->kind == BodyValue::Kind::kNumber ? Compares(term, value->number)
                                                   : term.compare == Compare::kNe;
  }
  const BodyValue asked{.kind = term.kind, .number = term.value, .text = term.text};
  return (*value == asked) == (term.compare == Compare::kEq);
}

bool EventRule::Holds(const Term& term, const AnswerFacts& answer) {
  double value = 0;
  switch (term.field) {
    case Field::kTimeout:
      return answer.timed_out;
    case Field::kReset:
      return answer.was_reset;
    case Field::kConnectFailure:
      return answer.connect_failed;
    case Field::kStatus:
      if (answer.status == 0) return false;
      value = answer.status;
      break;
    case Field::kDurationMs:
      value = static_cast<double>(answer.duration.count()) / 1e6;
      break;
    case Field::kBody:
      return answer.body != nullptr && HoldsOf(term, *answer.body);
  }
  return Compares(term, value);
}

bool EventRule::Compares(const Term& term, double value) {
  switch (term.compare) {
    case Compare::kGe:
      return value >= term.value;
    case Compare::kLe:
      return value <= term.value;
    case Compare::kEq:
      return value == term.value;
    case Compare::kNe:
      return value != term.value;
    case Compare::kGt:
      return value > term.value;
    case Compare::kLt:
      return value < term.value;
  }
  return false;
}

bool EventRule::Counts(const AnswerFacts& answer) const {
  bool holds = false;
  for (const Term& term : terms_) {
    if (term.begins_alternative) {
      if (holds) return true;
      holds = Holds(term, answer);
    } else {
      holds = holds && Holds(term, answer);
    }
  }
  return holds;
}

}  // namespace sluice::release
