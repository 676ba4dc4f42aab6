#include "sluice/degrade/chain.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace sluice::degrade {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct NamedTrigger {
  Trigger trigger;
  std::string_view name;
};
constexpr std::array<NamedTrigger, kTriggers> kNames = {{
    {Trigger::kRateLimited, "rate_limited"},
    {Trigger::kBreakerOpen, "breaker_open"},
    {Trigger::kOverload, "overload"},
    {Trigger::kUpstreamError, "upstream_error"},
    {Trigger::kTimeout, "timeout"},
}};

constexpr std::int64_t kConcurrentMax = 1'000'000;
constexpr std::size_t kStepsMax = 16;

bool DoesWork(const Answer& answer) {
  return std::holds_alternative<StaleCacheAnswer>(answer) ||
         std::holds_alternative<UpstreamAnswer>(answer);
}

std::int64_t BoundOf(const StepOptions& step, const ChainOptions& chain) {
  if (step.max_concurrent > 0) return step.max_concurrent;
  return DoesWork(step.answer) ? chain.max_concurrent : 0;
}

bool IsRead(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

bool Answers(const StepOptions& step, std::string_view method) {
  if (!step.methods.empty()) return std::ranges::find(step.methods, method) != step.methods.end();
  return IsRead(method) || !std::holds_alternative<StaleCacheAnswer>(step.answer);
}

// RFC 9110 §5.6.2.
bool IsToken(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || kMarks.find(byte) != std::string_view::npos;
  });
}

// RFC 9110 §5.5, without the bytes that some readers take for the end of a line.
bool IsFieldValue(std::string_view text) {
  return std::ranges::all_of(text, [](char byte) {
    const auto code = static_cast<unsigned char>(byte);
    return code == '\t' || (code >= 0x20 && code != 0x7f);
  });
}

bool SameName(std::string_view one, std::string_view lower_case) {
  return std::ranges::equal(one, lower_case, [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? left - 'A' + 'a' : left) == right;
  });
}

bool IsFraming(std::string_view name) {
  constexpr std::array<std::string_view, 4> kFraming = {"connection", "content-length",
                                                        "transfer-encoding", "trailer"};
  return std::ranges::any_of(kFraming,
                             [name](std::string_view framing) { return SameName(name, framing); });
}

// Collects the problems of one step, or of one chain, under its path.
class Checker {
 public:
  Checker(std::string path, ConfigProblems& problems)
      : path_(std::move(path)), problems_(problems) {}

  void Complain(std::string_view field, std::string text) {
    problems_.push_back({fmt::format("{}.{}", path_, field), std::move(text)});
  }
  void Range(std::string_view field, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least || value > most) {
      Complain(field, fmt::format("must be {}..{}, got {}", least, most, value));
    }
  }
  void Duration(std::string_view field, Nanos value, Nanos least, Nanos most) {
    if (value >= least && value <= most) return;
    Complain(field, fmt::format("must be {}..{} ms, got {} ms",
                                std::chrono::duration_cast<milliseconds>(least).count(),
                                std::chrono::duration_cast<milliseconds>(most).count(),
                                static_cast<double>(value.count()) / 1e6));
  }

  void Size(std::string_view field, Bytes value, Bytes least, Bytes most) {
    if (value >= least && value <= most) return;
    Complain(field, fmt::format("must be {}..{} bytes, got {}", least, most, value));
  }

  void Check(const StaticAnswer& answer) {
    Range("static.status", answer.status, 200, 599);
    const bool has_body = !answer.body.empty() || answer.body_template.has_value();
    if ((answer.status == 204 || answer.status == 304) && has_body) {
      Complain("static.body", fmt::format("must be empty with status {}", answer.status));
    }
    if (!IsFieldValue(answer.content_type)) {
      Complain("static.content_type", "must not have control characters");
    }
    for (const HeaderField& field : answer.headers) {
      if (!IsToken(field.name)) {
        Complain("static.headers", fmt::format("`{}` is no header name", field.name));
      } else if (IsFraming(field.name)) {
        Complain("static.headers",
                 fmt::format("`{}` is set by the gateway; leave it out", field.name));
      } else if (!IsFieldValue(field.value)) {
        Complain("static.headers",
                 fmt::format("the value of `{}` must not have control characters", field.name));
      }
    }
  }
  void Check(const RejectAnswer& answer) {
    Range("reject.status", answer.status, 400, 599);
    Duration("reject.retry_after", answer.retry_after, Nanos(0), hours(24));
  }
  void Check(const StaleCacheAnswer& answer) {
    Duration("stale_cache.max_stale", answer.max_stale, milliseconds(1), hours(24 * 7));
    Duration("stale_cache.refresh_interval", answer.refresh_interval, Nanos(0), hours(1));
    Size("stale_cache.max_bytes", answer.max_bytes, kMiB, 64 * kKiB * kMiB);
    Size("stale_cache.max_answer_bytes", answer.max_answer_bytes, kKiB, answer.max_bytes / 8);
    if (answer.key_headers.size() > 8) {
      Complain("stale_cache.key_headers",
               fmt::format("must be at most 8, got {}", answer.key_headers.size()));
    }
    for (const std::string& name : answer.key_headers) {
      if (!IsToken(name)) {
        Complain("stale_cache.key_headers", fmt::format("`{}` is no header name", name));
      }
    }
  }
  void Check(const UpstreamAnswer& answer) {
    if (answer.name.empty()) Complain("upstream.name", "is required; name one of `upstreams`");
  }

 private:
  std::string path_;
  ConfigProblems& problems_;
};

void CheckStep(const StepOptions& step, std::string path, ConfigProblems& problems) {
  Checker checker(std::move(path), problems);
  std::visit([&](const auto& answer) { checker.Check(answer); }, step.answer);
  checker.Duration("timeout", step.timeout, Nanos(0), hours(1));
  checker.Range("max_concurrent", step.max_concurrent, 0, kConcurrentMax);
  const bool is_stale = std::holds_alternative<StaleCacheAnswer>(step.answer);
  for (const std::string& method : step.methods) {
    if (!IsToken(method)) {
      checker.Complain("methods", fmt::format("`{}` is no method", method));
    } else if (is_stale && !IsRead(method)) {
      checker.Complain("methods",
                       fmt::format("must be GET or HEAD for stale_cache, got {}; an old answer to "
                                   "a write would claim what did not happen",
                                   method));
    }
  }
}

}  // namespace

std::string_view NameOf(Trigger trigger) {
  return kNames[static_cast<std::size_t>(trigger)].name;
}

std::optional<Trigger> ParseTrigger(std::string_view name) {
  const auto named = std::ranges::find(kNames, name, &NamedTrigger::name);
  if (named == kNames.end()) return std::nullopt;
  return named->trigger;
}

std::optional<Trigger> TriggerOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kRateLimited:
      return Trigger::kRateLimited;
    case ErrorCode::kBreakerOpen:
      return Trigger::kBreakerOpen;
    case ErrorCode::kOverloaded:
    case ErrorCode::kOutOfDescriptors:
      return Trigger::kOverload;
    case ErrorCode::kTimeout:
    case ErrorCode::kUpstreamTimeout:
      return Trigger::kTimeout;
    case ErrorCode::kBadResponse:
    case ErrorCode::kConnectFailed:
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kResolveFailed:
    case ErrorCode::kInputOutput:
    case ErrorCode::kNoEndpoint:
      return Trigger::kUpstreamError;
    default:
      return std::nullopt;
  }
}

std::string_view SourceOf(const Answer& answer) {
  constexpr std::array<std::string_view, 4> kSources = {"static", "reject", "stale_cache",
                                                        "upstream"};
  static_assert(std::variant_size_v<Answer> == kSources.size());
  return kSources[answer.index()];
}

void Validate(const ChainOptions& options, std::string_view path, ConfigProblems& problems) {
  Checker checker(std::string(path), problems);
  if (options.name.empty()) checker.Complain("name", "is required; routes refer to it");
  if (options.on.empty()) {
    checker.Complain("on", "must name what the chain answers; leave it out for everything");
  }
  checker.Range("max_concurrent", options.max_concurrent, 1, kConcurrentMax);
  if (options.steps.empty() || options.steps.size() > kStepsMax) {
    checker.Complain("chain",
                     fmt::format("must have 1..{} steps, got {}", kStepsMax, options.steps.size()));
  }
  for (const StatusSpan& span : options.statuses) {
    if (span.first >= 500 && span.first <= span.last && span.last <= 599) continue;
    checker.Complain("statuses",
                     fmt::format("must be within 500..599, got {}..{}", span.first, span.last));
  }
  const auto is_stale_cache = [](const StepOptions& step) {
    return std::holds_alternative<StaleCacheAnswer>(step.answer);
  };
  if (std::ranges::count_if(options.steps, is_stale_cache) > 1) {
    checker.Complain("chain", "must have at most one stale_cache step: it has one cache");
  }
  for (std::size_t index = 0; index < options.steps.size(); ++index) {
    CheckStep(options.steps[index], fmt::format("{}.chain[{}]", path, index), problems);
  }
}

Result<std::unique_ptr<DegradeChain>> DegradeChain::Create(ChainOptions options) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<DegradeChain>(new DegradeChain(std::move(options)));
}

DegradeChain::DegradeChain(ChainOptions options) : options_(std::move(options)) {
  for (const StepOptions& step : options_.steps) {
    states_.emplace_back(BoundOf(step, options_));
  }
}

std::optional<Choice> DegradeChain::Choose(ErrorCode code,
                                           std::string_view method,
                                           std::size_t first) {
  const std::optional<Trigger> trigger = TriggerOf(code);
  if (!trigger || !options_.on.Contains(*trigger)) return std::nullopt;
  for (std::size_t index = first; index < options_.steps.size(); ++index) {
    const StepOptions& step = options_.steps[index];
    if (!Answers(step, method)) continue;
    StepState& state = states_[index];
    std::optional<Bulkhead::Place> place = state.bulkhead.TryEnter();
    if (!place) {
      state.bulkhead_full.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    state.chosen.fetch_add(1, std::memory_order_relaxed);
    return Choice{
        .step = &step, .index = index, .source = SourceOf(step.answer), .place = std::move(*place)};
  }
  return std::nullopt;
}

bool DegradeChain::Substitutes(int status) const {
  return std::ranges::any_of(options_.statuses, [status](const StatusSpan& span) {
    return span.first <= status && status <= span.last;
  });
}

void DegradeChain::CountFailure(std::size_t index) {
  states_[index].failed.fetch_add(1, std::memory_order_relaxed);
}

void DegradeChain::CountServed(std::size_t index) {
  states_[index].served.fetch_add(1, std::memory_order_relaxed);
}

std::vector<StepStats> DegradeChain::Stats() const {
  std::vector<StepStats> stats;
  stats.reserve(states_.size());
  for (std::size_t index = 0; index < states_.size(); ++index) {
    const StepState& state = states_[index];
    stats.push_back({.source = SourceOf(options_.steps[index].answer),
                     .chosen = state.chosen.load(std::memory_order_relaxed),
                     .served = state.served.load(std::memory_order_relaxed),
                     .failed = state.failed.load(std::memory_order_relaxed),
                     .bulkhead_full = state.bulkhead_full.load(std::memory_order_relaxed),
                     .in_flight = state.bulkhead.in_flight()});
  }
  return stats;
}

}  // namespace sluice::degrade
