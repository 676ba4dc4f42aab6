#include "guard_words.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sluice/limit/criticality.h"

namespace sluice::app {
namespace {

using Json = nlohmann::json;

std::uint64_t Count(const Json& json, const char* name) {
  return json.value(name, std::uint64_t{0});
}

std::string ModeOf(const Json& guard) {
  const std::string mode = guard.value("mode", "");
  const auto percent = guard.find("enforce_percent");
  return percent == guard.end() ? mode : fmt::format("{} {:g}%", mode, percent->get<double>());
}

void AddDecisions(const Json& decisions, GuardWords& words) {
  words.refused = Count(decisions, "denied");
  words.would_refuse = Count(decisions, "would_deny");
  words.asked = Count(decisions, "allowed") + words.refused + words.would_refuse;
}

// "a minute", or "in 5 s".
std::string PerPeriod(double seconds) {
  constexpr std::array<std::pair<double, std::string_view>, 5> kNamed = {
      {{1, "a second"}, {60, "a minute"}, {3600, "an hour"}, {86400, "a day"}, {604800, "a week"}}};
  for (const auto& [length, name] : kNamed) {
    if (seconds == length) return std::string(name);
  }
  return "in " + SpanText(seconds);
}

// How much the rule lets in, in the words of its algorithm.
std::string BoundOf(const Json& guard) {
  const std::string algorithm = guard.value("algorithm", "");
  const std::int64_t limit = guard.value("limit", std::int64_t{0});
  const double period = guard.value("period_seconds", 0.0);
  const std::string calendar = guard.value("calendar", "");
  if (!calendar.empty()) {
    const std::string_view article = calendar == "hour" ? "an" : "a";
    return fmt::format("{} {} {} of the calendar (UTC)", limit, article, calendar);
  }
  if (algorithm == "sliding_log") return fmt::format("{} in any {}", limit, SpanText(period));
  if (algorithm == "fixed_window") {
    return fmt::format("{} in a window of {}", limit, SpanText(period));
  }
  if (algorithm == "gcra") {
    return fmt::format("{} {}, burst {}", limit, PerPeriod(period),
                       guard.value("burst", std::int64_t{0}));
  }
  return fmt::format("{} {}", limit, PerPeriod(period));
}

// Who of the keys asked most, for a rule that knows.
std::string BusiestKey(const Json& guard) {
  const auto keys = guard.find("top_keys");
  if (keys == guard.end() || keys->empty()) return {};
  const Json& first = keys->front();
  const std::string key = first.value("key", "");
  return fmt::format("; busiest: {} with {:.1f}/s", key.empty() ? "requests without key" : key,
                     first.value("per_second", 0.0));
}

std::string WhenRateLimited(const Json& guard) {
  const auto queueing = guard.find("max_queueing_seconds");
  if (queueing != guard.end()) {
    return fmt::format("a wait above {} ({}, one at a time)", SpanText(queueing->get<double>()),
                       BoundOf(guard));
  }
  const auto learnt = guard.find("learnt");
  if (learnt == guard.end()) return "more than " + BoundOf(guard);
  const double peak = learnt->value("peak_per_second", 0.0);
  if (learnt->value("is_over", false)) {
    return fmt::format("more than {} (learnt; the busiest key asked {:.1f}/s)", BoundOf(guard),
                       peak);
  }
  const std::string left = SpanText(std::ceil(learnt->value("seconds_left", 0.0)));
  if (!learnt->value("has_begun", true)) {
    return fmt::format("refuses nobody yet: learns for {} from the first request on", left);
  }
  return fmt::format(
      "refuses nobody yet: learns for {} more; so far {} (the busiest key asked {:.1f}/s)", left,
      BoundOf(guard), peak);
}

GuardWords OfRateLimit(const Json& guard) {
  GuardWords words;
  AddDecisions(guard.value("decisions", Json::object()), words);
  words.now = guard.value("is_keyed", false) ? CountOf(Count(guard, "keys"), "key") : "one bucket";
  words.when = WhenRateLimited(guard) + BusiestKey(guard);
  return words;
}

GuardWords OfConcurrency(const Json& guard) {
  GuardWords words;
  AddDecisions(guard.value("decisions", Json::object()), words);
  const std::int64_t limit = guard.value("limit", std::int64_t{0});
  const std::int64_t busy = guard.value("inflight", std::int64_t{0});
  words.now = fmt::format("{} of {} busy", busy, limit);
  words.when = fmt::format("more than {} at once ({})", limit, guard.value("algorithm", ""));
  const std::uint64_t waited = Count(guard, "waited");
  if (waited > 0) words.when += fmt::format("; {} waited for a slot", waited);
  return words;
}

// "SHEDDABLE, 40 % of SHEDDABLE_PLUS": whom a gate with this threshold turns away.
std::string ShedClasses(std::uint64_t threshold) {
  if (threshold == 0) return "nobody";
  std::string text;
  for (std::size_t i = 0; i < limit::kCriticalityCount; ++i) {
    const std::uint64_t first = i * limit::kLevelsPerClass;
    if (threshold <= first) break;
    if (!text.empty()) text += ", ";
    const std::uint64_t levels = threshold - first;
    if (levels < limit::kLevelsPerClass) {
      text += fmt::format("{:.0f} % of ", PercentOf(levels, limit::kLevelsPerClass));
    }
    text += limit::NameOf(static_cast<limit::Criticality>(i));
  }
  return text;
}

std::string SignalText(const std::string& signal, const std::string& gate) {
  if (signal == "concurrency") return fmt::format("concurrency/{} has no slots left", gate);
  if (signal == "queue_delay") return "the workers are late";
  if (signal == "cpu") return "the processor is overloaded";
  return signal;
}

// What makes a gate shed.
std::string SignalsText(const Json& guard) {
  std::string text;
  for (const Json& signal : guard.value("signals", Json::array())) {
    if (!text.empty()) text += " or ";
    text += SignalText(signal.get<std::string>(), guard.value("name", ""));
  }
  return text.empty() ? "nothing makes it shed" : text;
}

GuardWords OfGate(const Json& guard) {
  GuardWords words;
  AddDecisions(guard.value("decisions", Json::object()), words);
  const std::uint64_t threshold = Count(guard, "threshold_level");
  words.now = threshold == 0 ? "sheds nobody" : fmt::format("below level {}", threshold);
  words.when = fmt::format("{}, the least critical first; now: {}", SignalsText(guard),
                           ShedClasses(threshold));
  const std::string cause = guard.value("cause", "");
  if (!cause.empty()) words.when += ", because " + SignalText(cause, guard.value("name", ""));
  return words;
}

GuardWords OfThrottle(const Json& guard) {
  GuardWords words;
  AddDecisions(guard.value("decisions", Json::object()), words);
  const double ratio = guard.value("rejection_ratio", 0.0);
  const bool refuses = guard.value("mode", "") == "enforce";
  words.now = ratio > 0
                  ? fmt::format("{} {:.0f} %", refuses ? "refuses" : "would refuse", 100 * ratio)
                  : "refuses nobody";
  const std::uint64_t requests = Count(guard, "requests_in_window");
  const double window = guard.value("window_seconds", 0.0);
  const double rate = guard.value("rps_threshold", 0.0);
  words.when = fmt::format("less than {:g} % of the calls of {} succeed",
                           guard.value("success_rate_threshold", 0.0), SpanText(window));
  if (rate > 0) words.when += fmt::format(", of {:g} or more", std::ceil(rate * window));
  if (requests == 0) {
    words.when += "; of late: no calls";
  } else {
    words.when += fmt::format("; of late: {:.0f} % of {}",
                              PercentOf(Count(guard, "successes_in_window"), requests),
                              CountOf(requests, "call"));
  }
  return words;
}

// "12 % of 25 calls failed, 30 % were slow"; empty while there are too few to tell.
std::string BreakerRates(const Json& guard) {
  const double failed = guard.value("failure_rate", -1.0);
  if (failed < 0) return {};
  std::string text = fmt::format("{:.0f} % of {} failed", failed,
                                 CountOf(Count(guard, "calls_in_window"), "call"));
  const double slow = guard.value("slow_call_rate", -1.0);
  if (slow > 0) text += fmt::format(", {:.0f} % were slow", slow);
  return text;
}

// What a closed breaker has seen of late.
std::string ClosedText(const Json& guard) {
  std::string rates = BreakerRates(guard);
  if (!rates.empty()) return "closed: " + rates;
  return fmt::format("closed: {} of late, judged from {} on",
                     CountOf(Count(guard, "calls_in_window"), "call"),
                     Count(guard, "minimum_number_of_calls"));
}

// Where a breaker stands, and what comes next.
std::string BreakerNow(const Json& guard) {
  const std::string state = guard.value("state", "?");
  if (state == "closed") return ClosedText(guard);
  if (state == "half_open") return "half open: a few calls decide";
  if (state == "forced_open") return "forced open by hand";
  if (state == "disabled" || state == "metrics_only") return state + " by hand";
  const std::string rates = BreakerRates(guard);
  if (state == "recovering") {
    return "recovering: lets more and more calls through" + (rates.empty() ? "" : "; " + rates);
  }
  if (state != "open") return state;
  const double wait = std::ceil(guard.value("retry_after_seconds", 0.0));
  const std::string next = wait > 0 ? "tries again in " + SpanText(wait) : "the next call is a try";
  return fmt::format("open{}; {}", rates.empty() ? "" : ": " + rates, next);
}

GuardWords OfBreaker(const Json& guard) {
  GuardWords words;
  words.refused = Count(guard, "not_permitted");
  words.would_refuse = Count(guard, "would_refuse");
  words.asked = Count(guard, "successes") + Count(guard, "failures") + Count(guard, "ignored") +
                words.refused;
  if (!guard.value("is_keyed", false)) {
    words.now = guard.value("state", "?");
    words.when = fmt::format("{:g} % of the calls fail or {:g} % are slow; now {}",
                             guard.value("failure_rate_threshold", 0.0),
                             guard.value("slow_call_rate_threshold", 0.0), BreakerNow(guard));
    return words;
  }
  const std::uint64_t keys = Count(guard, "keys");
  const std::uint64_t not_closed = Count(guard, "keys_not_closed");
  const std::string by_hand = guard.value("state", "per_key");
  if (by_hand != "per_key") {
    words.now = by_hand;
    words.when = fmt::format("all keys are set by hand: {}", by_hand);
    return words;
  }
  words.now = not_closed == 0 ? fmt::format("{}, closed", CountOf(keys, "key"))
                              : fmt::format("{} of {} open", not_closed, CountOf(keys, "key"));
  words.when =
      fmt::format("the calls of a key fail or are slow; now {} of {} not closed; opened {}",
                  not_closed, CountOf(keys, "key"), CountOf(Count(guard, "opened"), "time"));
  return words;
}

// `total` gets the sum; the text is "2 by consecutive_5xx, 1 by latency".
std::string Causes(const Json& counts, std::uint64_t& total) {
  std::string text;
  for (const auto& [cause, count] : counts.items()) {
    const auto number = count.get<std::uint64_t>();
    total += number;
    text += fmt::format("{}{} by {}", text.empty() ? "" : ", ", number, cause);
  }
  return text;
}

GuardWords OfEjection(const Json& guard) {
  GuardWords words;
  words.counts_requests = false;
  std::string causes = Causes(guard.value("ejections", Json::object()), words.refused);
  const std::string would = Causes(guard.value("would_eject", Json::object()), words.would_refuse);
  if (!causes.empty() && !would.empty()) causes += "; ";
  causes += would;
  words.now = fmt::format("{} of {} out", Count(guard, "out"), Count(guard, "endpoints"));
  words.when = Count(guard, "endpoints") == 1
                   ? "never: the only endpoint of an upstream stays in"
                   : "an endpoint does worse than the others (counts ejections)";
  if (!causes.empty()) words.when += ": " + causes;
  return words;
}

// "more than 100 requests at once", with what the rule bounds.
std::string SystemBound(const std::string& rule, double bound) {
  if (rule == "concurrency") return fmt::format("more than {:g} requests at once", bound);
  if (rule == "qps") return fmt::format("more than {:g} requests a second", bound);
  if (rule == "avg_rt") return fmt::format("answers take more than {} on average", SpanText(bound));
  if (rule == "load1") return fmt::format("a load average above {:g}", bound);
  if (rule == "cpu") return fmt::format("the processor is above {:g} %", bound);
  return fmt::format("{} is above {:.0f} %", rule, 100 * bound);
}

// Each rule of the machine that has a bound, or had one.
void AddSystem(const Json& guard, std::vector<GuardWords>& all) {
  const Json rules = guard.value("rules", Json::object());
  for (const auto& [rule, entry] : rules.items()) {
    GuardWords words;
    AddDecisions(entry.value("decisions", Json::object()), words);
    const double bound = entry.value("bound", 0.0);
    if (bound <= 0 && words.refused + words.would_refuse == 0) continue;
    words.rule = "system/" + rule;
    words.mode = ModeOf(guard);
    words.now = rule == "concurrency"
                    ? fmt::format("{} at once", guard.value("inflight", std::int64_t{0}))
                    : std::string("-");
    words.when = bound > 0 ? SystemBound(rule, bound) : std::string("not configured any more");
    all.push_back(std::move(words));
  }
}

void AddWords(const Json& guard, std::vector<GuardWords>& all) {
  using Describe = GuardWords (*)(const Json&);
  constexpr std::array<std::pair<std::string_view, Describe>, 6> kKinds = {
      {{"rate_limit", &OfRateLimit},
       {"concurrency", &OfConcurrency},
       {"overload", &OfGate},
       {"admission_control", &OfThrottle},
       {"breaker", &OfBreaker},
       {"outlier_detection", &OfEjection}}};
  const std::string kind = guard.value("kind", "");
  if (kind == "system") AddSystem(guard, all);
  for (const auto& [name, describe] : kKinds) {
    if (kind != name) continue;
    GuardWords words = describe(guard);
    words.rule = fmt::format("{}/{}", kind, guard.value("name", ""));
    words.mode = ModeOf(guard);
    all.push_back(std::move(words));
  }
}

}  // namespace

std::vector<GuardWords> WordsOf(const Json& guards) {
  std::vector<GuardWords> all;
  for (const Json& guard : guards) {
    // A gateway of another version may mean something else by a name.
    try {
      AddWords(guard, all);
    } catch (const Json::exception&) {
      continue;
    }
  }
  return all;
}

std::string SpanText(double seconds) {
  if (seconds < 1) return fmt::format("{:g} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:g} s", seconds);
  constexpr std::array<std::pair<double, std::string_view>, 4> kUnits = {
      {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  // The two greatest units say enough.
  std::string text;
  double rest = seconds;
  int shown = 0;
  for (const auto& [length, unit] : kUnits) {
    const double count = std::floor(rest / length);
    if (count < 1 && shown == 0) continue;
    if (shown++ == 2) break;
    rest -= count * length;
    if (count >= 1) text += fmt::format("{}{:g} {}", text.empty() ? "" : " ", count, unit);
  }
  return text;
}

double PercentOf(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string CountOf(std::uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace sluice::app
