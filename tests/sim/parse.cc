#include "tests/sim/parse.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "tests/sim/statements.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::scenario {
namespace {

bool IsNumber(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

SetName ParseName(Words& words) {
  SetName set{.host = words.Take("a host name")};
  if (words.TakeIf("fails")) {
    set.kind = SetName::Kind::kFails;
  } else if (words.TakeIf("is silent")) {
    set.kind = SetName::Kind::kSilent;
  } else if (words.TakeIf("is gone")) {
    set.kind = SetName::Kind::kGone;
  } else {
    words.Expect("is");
    do {
      set.answer.addresses.push_back(words.TakeHost());
    } while (words.TakeIf(","));
    if (words.TakeIf("for")) set.answer.time_to_live = words.TakeDuration("a time to live");
  }
  return set;
}

SetFaultPoint ParseFaultPoint(Words& words) {
  SetFaultPoint set{.name = words.Take("the name of a fault point")};
  if (words.TakeIf("heals")) return set;
  words.Expect("strikes");
  set.options.emplace();
  while (!words.empty() && !words.problem()) {
    if (words.TakeIf("in")) {
      set.options->probability = words.TakePercent("a part of the cases");
      words.Expect("of cases");
    } else if (words.TakeIf("after")) {
      set.options->after = static_cast<std::uint64_t>(words.TakeCount("a number of cases"));
      words.Expect("cases");
    } else {
      set.options->times = static_cast<std::uint64_t>(words.TakeCount("how often it strikes"));
      words.Expect("times");
    }
  }
  return set;
}

AdminCall ParseAdmin(Words& words) {
  AdminCall call{.method = words.Take("a method"), .target = words.Take("a path")};
  if (words.TakeIf("with body")) call.body = words.TakeText("a body");
  words.Expect("expect");
  call.expected = ParseOutcome(words);
  if (words.TakeIf("containing")) call.containing = words.TakeText("a text");
  return call;
}

AdminCall ParseBreaker(Words& words) {
  const std::string name = words.Take("the name of a breaker");
  const std::string verb = words.Take("force_open, disable, metrics_only, close or reset");
  constexpr std::array<std::string_view, 5> kVerbs{"force_open", "disable", "metrics_only", "close",
                                                   "reset"};
  if (std::ranges::find(kVerbs, verb) == kVerbs.end()) {
    words.Complain(fmt::format(
        "a breaker is told force_open, disable, metrics_only, close or reset, got `{}`", verb));
  }
  return {.method = "POST",
          .target = fmt::format("/api/v1/breakers/{}/{}", name, verb),
          .body = {},
          .expected = {.status_min = 200, .status_max = 299},
          .containing = {}};
}

Action ParseLink(Words& words) {
  words.Expect("to");
  SetLatency set;
  if (!words.TakeIf("gateway")) set.upstream = ParseUpstreamRef(words);
  words.Expect("has latency");
  set.latency = words.TakeDuration("a latency");
  return set;
}

Action ParseHost(Words& words) {
  SetHost set{.host = words.TakeHost()};
  if (words.TakeIf("is dropped")) {
    set.dropped = true;
  } else {
    words.Expect("is back");
  }
  return set;
}

class Parser {
 public:
  explicit Parser(std::string_view file) { scenario_.file = std::string(file); }

  Result<Scenario> Run(std::string_view text) {
    for (const Statement& statement : SplitStatements(text, /*first_line=*/1))
      ParseStatement(statement);
    CheckNames(scenario_.givens);
    CheckNames(scenario_.steps);
    CheckNames(scenario_.finals);
    CheckSentences();
    if (!problems_.empty())
      return Fail(ErrorCode::kInvalidConfig, fmt::format("{}", fmt::join(problems_, "\n")));
    return std::move(scenario_);
  }

 private:
  void ParseStatement(const Statement& statement) {
    Words words(Place(statement.line), statement.text);
    block_ = statement.block.empty() ? nullptr : &statement;
    if (words.TakeIf("given")) {
      ParseGiven(words, statement);
    } else if (words.TakeIf("at")) {
      const Nanos at = words.TakeDuration("a time");
      AddInOrder(MakeStep(words, statement, at));
    } else if (words.TakeIf("finally")) {
      scenario_.finals.push_back(MakeStep(words, statement, Nanos(0)));
    } else {
      words.Complain(
          fmt::format("a sentence begins with given, at or finally, got `{}`", words.peek()));
    }
    words.End();
    if (block_ != nullptr) words.Complain("nothing that is indented belongs to this sentence");
    if (words.problem()) problems_.push_back(*words.problem());
  }

  // Steps of one moment stay in the order of the file.
  void AddInOrder(Step step) {
    const auto later = std::ranges::upper_bound(scenario_.steps, step.at, {}, &Step::at);
    scenario_.steps.insert(later, std::move(step));
  }

  Step MakeStep(Words& words, const Statement& statement, Nanos at) {
    return {.line = statement.line, .text = statement.text, .at = at, .action = ParseAction(words)};
  }

  void ParseGiven(Words& words, const Statement& statement) {
    if (words.TakeIf("gateway config")) {
      scenario_.config = TakeBlock(words);
    } else if (words.TakeIf("gateway at")) {
      scenario_.gateway = words.TakeAddress();
    } else if (words.TakeIf("admin at")) {
      scenario_.admin = words.TakeAddress();
    } else if (words.TakeIf("link latency")) {
      scenario_.latency = words.TakeDuration("a latency");
    } else if (words.TakeIf("patience")) {
      scenario_.patience = words.TakeDuration("how long clients wait");
    } else if (words.TakeIf("upstream")) {
      ParseGivenUpstream(words);
    } else if (words.peek() == "name" || words.peek() == "fault") {
      scenario_.givens.push_back(MakeStep(words, statement, Nanos(0)));
    } else if (!ParseGivenSentence(words)) {
      words.Complain(fmt::format("`{}` is not something to be given", words.peek()));
    }
  }

  // What a configuration is written from.
  bool ParseGivenSentence(Words& words) {
    if (words.TakeIf("breaker")) {
      GivenBreaker given{.upstream = words.Take("the name of an upstream")};
      words.Expect("opens after");
      given.failures = words.TakeCount("a number of failures");
      words.Expect("failures , probes after");
      given.wait = words.TakeDuration("a wait");
      sentence_upstreams_.emplace_back(words.place(), "/" + given.upstream);
      scenario_.breakers.push_back(std::move(given));
    } else if (words.TakeIf("fallback for")) {
      GivenFallback given{.path = words.Take("a path")};
      words.Expect("is");
      given.status = static_cast<int>(words.TakeCount("a status"));
      given.body = words.TakeText("a body");
      sentence_upstreams_.emplace_back(words.place(), given.path);
      scenario_.fallbacks.push_back(std::move(given));
    } else if (words.TakeIf("timeout for")) {
      GivenTimeout given{.path = words.Take("a path")};
      words.Expect("is");
      given.timeout = words.TakeDuration("a timeout");
      sentence_upstreams_.emplace_back(words.place(), given.path);
      scenario_.timeouts.push_back(std::move(given));
    } else if (words.TakeIf("limit for")) {
      GivenLimit given{.path = words.Take("a path")};
      words.Expect("is");
      given.limit = words.TakeCount("a limit");
      words.Expect("per");
      given.period = words.TakeDuration("a period");
      if (words.TakeIf(", burst")) given.burst = words.TakeCount("a burst");
      sentence_upstreams_.emplace_back(words.place(), given.path);
      scenario_.limits.push_back(std::move(given));
    } else {
      return false;
    }
    return true;
  }

  void ParseGivenUpstream(Words& words) {
    Upstream upstream{.name = words.Take("the name of an upstream")};
    const auto number = static_cast<std::uint8_t>(scenario_.upstreams.size() + 1);
    if (words.TakeIf("at")) {
      do {
        upstream.endpoints.push_back(words.TakeAddress());
      } while (words.TakeIf(","));
    } else {
      std::int64_t endpoints = 1;
      if (words.TakeIf("with")) {
        endpoints = words.TakeCount("a number of endpoints");
        words.Expect("endpoints");
      }
      if (endpoints < 1 || endpoints > 250) words.Complain("an upstream has 1 to 250 endpoints");
      for (std::int64_t i = 1; i <= endpoints && !words.problem(); ++i) {
        upstream.endpoints.push_back(
            Address::Ipv4({10, 0, number, static_cast<std::uint8_t>(i)}, 80));
      }
    }
    upstream.behaviour = ParseBehaviour(words);
    if (Find(upstream.name) != nullptr) {
      words.Complain(fmt::format("there is an upstream `{}` already", upstream.name));
    }
    scenario_.upstreams.push_back(std::move(upstream));
  }

  Action ParseAction(Words& words) {
    if (words.TakeIf("upstream")) return ParseUpstream(words);
    if (words.TakeIf("client")) return ParseNamedClient(words);
    if (IsNumber(words.peek())) return ParseClients(words);
    if (words.TakeIf("counter")) return ParseCounter(words);
    if (words.TakeIf("no exchange is in flight")) return CheckNoExchange{};
    if (words.TakeIf("admin")) return ParseAdmin(words);
    if (words.TakeIf("breaker")) return ParseBreaker(words);
    if (words.TakeIf("reload config")) return ParseReload(words);
    if (words.TakeIf("drain")) return Drain{};
    if (words.TakeIf("loop")) return ParseLoop(words);
    return ParseWorldAction(words);
  }

  Action ParseWorldAction(Words& words) {
    if (words.TakeIf("name")) return ParseName(words);
    if (words.TakeIf("fault")) return ParseFaultPoint(words);
    if (words.TakeIf("link")) return ParseLink(words);
    if (words.TakeIf("host")) return ParseHost(words);
    if (words.TakeIf("connections to")) {
      ResetConnections reset{.upstream = ParseUpstreamRef(words)};
      words.Expect("are reset");
      return reset;
    }
    if (words.TakeIf("gateway has room for")) {
      const auto streams = static_cast<std::size_t>(words.TakeCount("a number of streams"));
      words.Expect("streams");
      return LimitStreams{.streams_max = streams};
    }
    if (words.TakeIf("wall clock steps")) {
      return StepWallClock{.step = words.TakeSignedDuration("a step")};
    }
    words.Complain(words.empty() ? std::string("a sentence ends too early")
                                 : fmt::format("`{}` is not understood here", words.peek()));
    return Drain{};
  }

  Action ParseClients(Words& words) {
    const auto clients = static_cast<std::size_t>(words.TakeCount("a number of clients"));
    if (!words.TakeIf("clients send")) words.Expect("client sends");
    return ParseSend(words, clients);
  }

  Action ParseReload(Words& words) {
    Reload reload;
    if (words.TakeIf("expect problem")) reload.expected_problem = words.TakeText("a text");
    reload.config = TakeBlock(words);
    return reload;
  }

  Action ParseLoop(Words& words) {
    Repeat repeat{.times = static_cast<std::size_t>(words.TakeCount("how often"))};
    words.Expect("times every");
    repeat.every = words.TakeDuration("the time between");
    const int line = block_ == nullptr ? 0 : block_->block_line;
    for (const Statement& inner : SplitStatements(TakeBlock(words), line)) {
      Words inner_words(Place(inner.line), inner.text);
      block_ = inner.block.empty() ? nullptr : &inner;
      repeat.steps.push_back(MakeStep(inner_words, inner, Nanos(0)));
      inner_words.End();
      if (block_ != nullptr) inner_words.Complain("nothing that is indented belongs here");
      block_ = nullptr;
      if (inner_words.problem()) problems_.push_back(*inner_words.problem());
    }
    return repeat;
  }

  std::string TakeBlock(Words& words) {
    if (block_ == nullptr) {
      words.Complain("indented lines are missing below");
      return {};
    }
    return std::exchange(block_, nullptr)->block;
  }

  [[nodiscard]] const Upstream* Find(const std::string& name) const {
    const auto found = std::ranges::find(scenario_.upstreams, name, &Upstream::name);
    return found == scenario_.upstreams.end() ? nullptr : &*found;
  }

  void CheckNames(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (const auto* repeat = std::get_if<Repeat>(&step.action)) CheckNames(repeat->steps);
      const std::optional<UpstreamRef> upstream = Mentioned(step.action);
      if (!upstream) continue;
      const Upstream* known = Find(upstream->name);
      if (known == nullptr) {
        problems_.push_back(
            fmt::format("{}: there is no upstream `{}`", Place(step.line), upstream->name));
      } else if (upstream->endpoint > known->endpoints.size()) {
        problems_.push_back(fmt::format("{}: upstream `{}` has {} endpoints", Place(step.line),
                                        upstream->name, known->endpoints.size()));
      }
    }
  }

  // "/pay" in a sentence means the route of upstream `pay`, so there has to be one.
  void CheckSentences() {
    const bool writes_config = scenario_.config.empty();
    for (const auto& [place, name] : sentence_upstreams_) {
      if (!writes_config) {
        problems_.push_back(fmt::format(
            "{}: this sentence is for a written configuration, but a block gives one", place));
      } else if (!name.starts_with('/') || Find(name.substr(1)) == nullptr) {
        problems_.push_back(fmt::format("{}: there is no upstream for `{}`", place, name));
      }
    }
  }

  static std::optional<UpstreamRef> Mentioned(const Action& action) {
    if (const auto* latency = std::get_if<SetLatency>(&action)) {
      if (latency->upstream.name.empty()) return std::nullopt;
      return latency->upstream;
    }
    if (const auto* send = std::get_if<SendRequests>(&action)) {
      if (!send->expectation || !send->expectation->from) return std::nullopt;
      Words words("", *send->expectation->from);
      return ParseUpstreamRef(words);
    }
    return std::visit(
        [](const auto& any) -> std::optional<UpstreamRef> {
          if constexpr (requires { any.upstream.endpoint; }) return any.upstream;
          return std::nullopt;
        },
        action);
  }

  [[nodiscard]] std::string Place(int line) const {
    return fmt::format("{}:{}", scenario_.file, line);
  }

  Scenario scenario_;
  std::vector<std::string> problems_;
  std::vector<std::pair<std::string, std::string>> sentence_upstreams_;  // Place, "/name".
  const Statement* block_ = nullptr;  // Of the sentence being read, until it is taken.
};

}  // namespace

Result<Scenario> Parse(std::string_view file, std::string_view text) {
  return Parser(file).Run(text);
}

}  // namespace sluice::scenario
