// DegradeChain: what to answer when the real answer is not to be had.
//
// A list of steps, tried in order: old data, another upstream, a fixed answer, a refusal with a
// time to come back. This room only chooses; the gateway carries a step out (which may suspend) and
// asks for the next when it fails. A degraded answer is no success for a breaker and is not
// retried.
//
// Thread-safe: a chain is shared by all loops; its counters and bulkheads are atomics.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/config_problem.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/degrade/body_template.h"
#include "sluice/degrade/bulkhead.h"
#include "sluice/degrade/cache_policy.h"

namespace sluice::degrade {

enum class Trigger : std::uint8_t {
  kRateLimited,
  kBreakerOpen,
  kOverload,
  kUpstreamError,
  kTimeout,
};
inline constexpr std::size_t kTriggers = 5;

// "rate_limited", "breaker_open", "overload", "upstream_error", "timeout", as in configuration.
[[nodiscard]] std::string_view NameOf(Trigger trigger);
[[nodiscard]] std::optional<Trigger> ParseTrigger(std::string_view name);
// What an error is to a chain; nothing for errors that no chain answers (a bad request, no route).
[[nodiscard]] std::optional<Trigger> TriggerOf(ErrorCode code);

class TriggerSet {
 public:
  static constexpr TriggerSet All() { return TriggerSet((1U << kTriggers) - 1); }
  constexpr TriggerSet() = default;
  constexpr void Add(Trigger trigger) { bits_ |= Bit(trigger); }
  [[nodiscard]] constexpr bool Contains(Trigger trigger) const {
    return (bits_ & Bit(trigger)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(TriggerSet, TriggerSet) = default;

 private:
  explicit constexpr TriggerSet(unsigned bits) : bits_(bits) {}
  static constexpr unsigned Bit(Trigger trigger) { return 1U << static_cast<unsigned>(trigger); }
  unsigned bits_ = 0;
};

struct HeaderField {
  std::string name;
  std::string value;
  friend bool operator==(const HeaderField&, const HeaderField&) = default;
};

// A fixed answer. Bodies come from the file already read.
struct StaticAnswer {
  int status = 200;  // 200 .. 599.
  std::vector<HeaderField> headers;
  std::string body;
  std::optional<BodyTemplate> body_template;      // Instead of `body`.
  std::string content_type = "application/json";  // Empty: no such header.
  friend bool operator==(const StaticAnswer&, const StaticAnswer&) = default;
};

// A refusal that says when to come back.
struct RejectAnswer {
  int status = 503;      // 400 .. 599.
  Nanos retry_after{0};  // 0: what the error says, or 1 s.
  friend bool operator==(const RejectAnswer&, const RejectAnswer&) = default;
};

// The last good answer to the same request (RFC 5861 stale-if-error), for reads only. One in a
// chain at the most.
struct StaleCacheAnswer {
  Nanos max_stale = std::chrono::seconds(60);        // Beyond its freshness: over 0 .. 7 days.
  Bytes max_bytes = 64 * kMiB;                       // Of all kept answers, 1 MiB .. 64 GiB.
  Bytes max_answer_bytes = 256 * kKiB;               // Of one body, 1 KiB .. max_bytes / 8.
  Nanos refresh_interval = std::chrono::seconds(1);  // 0 .. 1 h between two copies of one key.
  std::vector<std::string> key_headers;              // Lower-case; 0 .. 8, beside Vary.
  CacheLeniency leniency;
  friend bool operator==(const StaleCacheAnswer&, const StaleCacheAnswer&) = default;
};

// Another upstream.
struct UpstreamAnswer {
  std::string name;  // Required.
  friend bool operator==(const UpstreamAnswer&, const UpstreamAnswer&) = default;
};

using Answer = std::variant<StaticAnswer, RejectAnswer, StaleCacheAnswer, UpstreamAnswer>;

// "static", "reject", "stale_cache", "upstream": the label `source`, and x-sluice-degraded.
[[nodiscard]] std::string_view SourceOf(const Answer& answer);

struct StepOptions {
  Answer answer;
  std::vector<std::string> methods;  // Empty: all; for stale_cache GET and HEAD, never others.
  Nanos timeout{0};                  // 0 .. 1 h; 0: what is left of the request's own deadline.
  // Calls that may be in this step at once, 0 .. 1'000'000. 0: the chain's bound for stale_cache
  // and upstream; none for static and reject, which hold nothing and cannot be overrun.
  std::int64_t max_concurrent = 0;
  friend bool operator==(const StepOptions&, const StepOptions&) = default;
};

struct StatusSpan {
  int first = 500;
  int last = 599;  // Included.
  friend bool operator==(const StatusSpan&, const StatusSpan&) = default;
};

struct ChainOptions {
  std::string name;                   // Required.
  TriggerSet on = TriggerSet::All();  // Not empty.
  std::int64_t max_concurrent = 10;   // 1 .. 1'000'000, for each step that does work.
  std::vector<StatusSpan> statuses;   // 500 .. 599: answers of the upstream that are substituted.
  std::vector<StepOptions> steps;     // 1 .. 16.
  friend bool operator==(const ChainOptions&, const ChainOptions&) = default;
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const ChainOptions& options, std::string_view path, ConfigProblems& problems);

// What to do next. The step lives as long as the chain; the place in its bulkhead as long as this.
struct Choice {
  const StepOptions* step = nullptr;
  std::size_t index = 0;  // Of the step; pass index + 1 to Choose() when it failed.
  std::string_view source;
  Bulkhead::Place place;
};

struct StepStats {
  std::string_view source;
  std::uint64_t chosen = 0;
  std::uint64_t served = 0;  // Of these, so far.
  std::uint64_t failed = 0;
  std::uint64_t bulkhead_full = 0;
  std::int64_t in_flight = 0;
};

class DegradeChain {
 public:
  // Fails with kInvalidOption, naming the first problem that Validate() finds.
  static Result<std::unique_ptr<DegradeChain>> Create(ChainOptions options);

  // The first step, at or after `first`, that answers for this error and method and has room.
  // Nothing when none does: the plain error is to be sent. Allocates nothing.
  [[nodiscard]] std::optional<Choice> Choose(ErrorCode code,
                                             std::string_view method,
                                             std::size_t first = 0);
  // The gateway could not carry out that step. Counted; ask Choose() for the next.
  void CountFailure(std::size_t index);
  // It could: the step's answer is on its way.
  void CountServed(std::size_t index);

  // Whether an answer with this status is to be substituted, as an upstream_error.
  [[nodiscard]] bool Substitutes(int status) const;

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const ChainOptions& options() const { return options_; }
  // In the order of the steps; sluice_degrade_total{rule,source} is `served`.
  [[nodiscard]] std::vector<StepStats> Stats() const;

 private:
  struct StepState {
    explicit StepState(std::int64_t max_concurrent) : bulkhead(max_concurrent) {}
    Bulkhead bulkhead;
    std::atomic<std::uint64_t> chosen{0};
    std::atomic<std::uint64_t> served{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> bulkhead_full{0};
  };

  explicit DegradeChain(ChainOptions options);

  const ChainOptions options_;
  std::deque<StepState> states_;  // Beside options_.steps.
};

}  // namespace sluice::degrade
