#include "tests/sim/judge.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace sluice::scenario {
namespace {

constexpr Bytes kBytesToldMax = 160;

std::string_view NameOf(Ending ending) {
  switch (ending) {
    case Ending::kAnswered:
      return "answered";
    case Ending::kRefused:
      return "refused";
    case Ending::kReset:
      return "reset";
    case Ending::kClosed:
      return "closed";
    case Ending::kMalformed:
      return "malformed";
    case Ending::kNoAnswer:
      return "no answer";
    case Ending::kGaveUp:
      return "gave up";
  }
  return "unknown";
}

std::string Shortened(std::string_view text) {
  if (text.size() <= kBytesToldMax) return std::string(text);
  return fmt::format("{}… ({} bytes)", text.substr(0, kBytesToldMax), text.size());
}

// "pay" fits "pay/2", and "pay/2" fits itself.
bool AnsweredBy(const Message& message, std::string_view expected) {
  const std::string_view by = message.Find("x-answered-by").value_or("");
  if (by == expected) return true;
  return by.size() > expected.size() && by.starts_with(expected) && by[expected.size()] == '/';
}

std::string JudgeHeaders(const Expectation& expectation, const Message& message) {
  for (const auto& [name, value] : expectation.with_headers) {
    const auto fits = [&](const auto& header) {
      return EqualsIgnoringCase(header.first, name) && (value.empty() || header.second == value);
    };
    if (std::ranges::any_of(message.headers, fits)) continue;
    return fmt::format("expected header `{}: {}`, got `{}`", name, value.empty() ? "…" : value,
                       message.Find(name).value_or("none"));
  }
  for (const std::string& name : expectation.without_headers) {
    if (const auto value = message.Find(name)) {
      return fmt::format("expected no header `{}`, got `{}`", name, *value);
    }
  }
  return {};
}

std::string JudgeBody(const Expectation& expectation, const Message& message) {
  const std::string& body = message.body;
  if (expectation.body && body != *expectation.body) {
    return fmt::format("expected body `{}`, got `{}`", Shortened(*expectation.body),
                       Shortened(body));
  }
  if (expectation.containing && body.find(*expectation.containing) == std::string::npos) {
    return fmt::format("expected a body containing `{}`, got `{}`", *expectation.containing,
                       Shortened(body));
  }
  if (expectation.body_bytes && body.size() != *expectation.body_bytes) {
    return fmt::format("expected a body of {} bytes, got {}", *expectation.body_bytes, body.size());
  }
  return {};
}

// Everything but the outcome. Empty: it fits.
std::string JudgeRest(const Expectation& expectation, const Answer& answer) {
  if (expectation.shares.empty() && expectation.within && answer.took > *expectation.within) {
    return fmt::format("expected within {}", Tell(*expectation.within));
  }
  if (expectation.not_before && answer.took < *expectation.not_before) {
    return fmt::format("expected not before {}", Tell(*expectation.not_before));
  }
  if (answer.ending != Ending::kAnswered) return {};
  if (expectation.from && !AnsweredBy(answer.message, *expectation.from)) {
    return fmt::format("expected from {}, got it from {}", *expectation.from,
                       answer.message.Find("x-answered-by").value_or("nobody behind the gateway"));
  }
  if (std::string problem = JudgeHeaders(expectation, answer.message); !problem.empty()) {
    return problem;
  }
  if (expectation.closes && *expectation.closes != answer.closes) {
    return *expectation.closes ? "expected the connection to close, and it stays"
                               : "expected the connection to stay, and it closes";
  }
  return JudgeBody(expectation, answer.message);
}

}  // namespace

std::string Tell(Nanos span) {
  const auto nanos = static_cast<double>(span.count());
  if (span >= std::chrono::seconds(1)) return fmt::format("{:g}s", nanos / 1e9);
  if (span >= std::chrono::milliseconds(1)) return fmt::format("{:g}ms", nanos / 1e6);
  if (span >= std::chrono::microseconds(1)) return fmt::format("{:g}us", nanos / 1e3);
  return fmt::format("{}ns", span.count());
}

std::string Tell(const Outcome& outcome) {
  if (outcome.ending != Ending::kAnswered) return std::string(NameOf(outcome.ending));
  if (outcome.status_min != outcome.status_max) {
    return fmt::format("{}xx", outcome.status_min / 100);
  }
  return std::to_string(outcome.status_min);
}

std::string Tell(const Answer& answer) {
  const std::string after = fmt::format("after {}", Tell(answer.took));
  if (answer.ending == Ending::kMalformed) {
    return fmt::format("malformed ({}) {}", answer.problem, after);
  }
  if (answer.ending != Ending::kAnswered) {
    return fmt::format("{} {}", NameOf(answer.ending), after);
  }
  std::string told = std::to_string(answer.message.status);
  if (const auto reason = answer.message.Find("x-sluice-reason")) {
    told += fmt::format(" ({})", *reason);
  }
  if (!answer.message.body.empty()) told += fmt::format(" `{}`", Shortened(answer.message.body));
  return fmt::format("{} {}", told, after);
}

bool Fits(const Outcome& outcome, const Answer& answer) {
  if (outcome.ending != answer.ending) return false;
  if (outcome.ending != Ending::kAnswered) return true;
  const int status = answer.message.status;
  return status >= outcome.status_min && status <= outcome.status_max;
}

// How long the given part of the answers that fit took at most.
std::string JudgeWithin(const Expectation& expectation, const std::vector<Answer>& answers) {
  std::vector<Nanos> took;
  for (const Answer& answer : answers) {
    if (Fits(expectation.shares.front().outcome, answer)) took.push_back(answer.took);
  }
  if (took.empty()) return {};
  std::ranges::sort(took);
  const double last = std::ceil(expectation.within_ratio * static_cast<double>(took.size()));
  const Nanos slowest = took[static_cast<std::size_t>(std::max(1.0, last)) - 1];
  if (slowest <= *expectation.within) return {};
  return fmt::format("expected {:g}% within {}, got {} for so many", expectation.within_ratio * 100,
                     Tell(*expectation.within), Tell(slowest));
}

void JudgeShares(const Expectation& expectation,
                 const std::vector<Answer>& answers,
                 std::vector<std::string>& problems) {
  for (const Share& share : expectation.shares) {
    const auto fits = [&share](const Answer& answer) { return Fits(share.outcome, answer); };
    const auto got = static_cast<double>(std::ranges::count_if(answers, fits)) /
                     static_cast<double>(answers.size());
    if (share.at_least ? got >= share.ratio : got <= share.ratio) continue;
    problems.push_back(fmt::format("expected {} {:g}% {}, got {:.2f}% of {}",
                                   share.at_least ? "at least" : "at most", share.ratio * 100,
                                   Tell(share.outcome), got * 100, answers.size()));
  }
  if (!expectation.within) return;
  std::string problem = JudgeWithin(expectation, answers);
  if (!problem.empty()) problems.push_back(std::move(problem));
}

std::vector<std::string> Judge(const Expectation& expectation, const std::vector<Answer>& answers) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& answer = answers[i];
    std::string problem;
    if (expectation.all && !Fits(*expectation.all, answer)) {
      problem = fmt::format("expected {}", Tell(*expectation.all));
    } else {
      problem = JudgeRest(expectation, answer);
    }
    if (problem.empty()) continue;
    problems.push_back(
        fmt::format("{}: got {} (client {} of {})", problem, Tell(answer), i + 1, answers.size()));
  }
  if (!expectation.shares.empty()) JudgeShares(expectation, answers, problems);
  for (const auto& [count, expected] : expectation.counts) {
    const Outcome& outcome = expected;
    const auto fits = [&outcome](const Answer& answer) { return Fits(outcome, answer); };
    const auto got = static_cast<std::size_t>(std::ranges::count_if(answers, fits));
    if (got != count) {
      problems.push_back(
          fmt::format("expected {}x {}, got {} of {}", count, Tell(outcome), got, answers.size()));
    }
  }
  return problems;
}

}  // namespace sluice::scenario
