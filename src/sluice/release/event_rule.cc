#include "sluice/release/event_rule.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace sluice::release {
namespace {

constexpr std::string_view kForm =
    "write e.g. \"status >= 500 || timeout\"; known are status, duration, timeout, reset and "
    "connect_failure, joined by && and ||";

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

}  // namespace

Result<EventRule::Term> EventRule::ParseTerm(std::string_view text) {
  if (text == "timeout") return Term{.field = Field::kTimeout};
  if (text == "reset") return Term{.field = Field::kReset};
  if (text == "connect_failure") return Term{.field = Field::kConnectFailure};
  if (text.starts_with("body.")) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("must not read bodies, which is not available yet, got \"{}\"; let the "
                            "service say it by its status",
                            text));
  }
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
  rest = WithoutSpaces(rest);
  constexpr std::array<std::pair<std::string_view, Compare>, 6> kCompares = {{
      {">=", Compare::kGe},
      {"<=", Compare::kLe},
      {"==", Compare::kEq},
      {"!=", Compare::kNe},
      {">", Compare::kGt},
      {"<", Compare::kLt},
  }};
  bool has_compare = false;
  for (const auto& [mark, compare] : kCompares) {
    if (!rest.starts_with(mark)) continue;
    term.compare = compare;
    rest = WithoutSpaces(rest.substr(mark.size()));
    has_compare = true;
    break;
  }
  if (!has_compare) return Unknown(text);
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
  }
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
