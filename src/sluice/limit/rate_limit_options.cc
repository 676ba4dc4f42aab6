#include "sluice/limit/rate_limit_options.h"

#include <array>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "sluice/limit/option_range.h"
#include "sluice/limit/sliding_log.h"

namespace sluice::limit {

namespace {

constexpr std::size_t kLogKeysMax = 1'000'000;

class Complaints {
 public:
  Complaints(std::string_view path, ConfigProblems& problems) : path_(path), problems_(problems) {}
  void Add(std::string_view field, std::string text) {
    problems_.push_back({fmt::format("{}.{}", path_, field), std::move(text)});
  }
  [[nodiscard]] ConfigProblems& problems() { return problems_; }
  [[nodiscard]] std::string_view path() const { return path_; }

 private:
  std::string_view path_;
  ConfigProblems& problems_;
};

// What belongs to one algorithm and says nothing with another.
void ValidateCombination(const RateLimitOptions& options, Complaints& complaints) {
  const std::string_view name = NameOf(options.algorithm);
  const bool is_gcra = options.algorithm == Algorithm::kGcra;
  const auto foreign = [&](std::string_view field, std::string_view owner) {
    complaints.Add(field,
                   fmt::format("belongs to {}, and `algorithm` is {}; drop it", owner, name));
  };
  if (!is_gcra && options.burst != 0) foreign("burst", "gcra");
  if (!is_gcra && options.init_fill_ratio != 1.0) foreign("init_fill_ratio", "gcra");
  if (!is_gcra && options.warm_up) foreign("warm_up", "gcra");
  if (options.algorithm != Algorithm::kFixedWindow && options.calendar != Calendar::kNone) {
    complaints.Add("period", fmt::format("must be a duration with {}; calendar periods belong to "
                                         "fixed_window",
                                         name));
  }
  if (options.algorithm == Algorithm::kPacing && options.drain_on_reject) {
    complaints.Add("drain_on_reject", "says nothing with pacing, which has no tokens; drop it");
  }
  if (options.warm_up && options.keying == Keying::kKeyed) {
    complaints.Add("warm_up",
                   "needs one bucket for all: what warms up is what stands behind; drop "
                   "`key` or warm_up");
  }
  if (options.warm_up && options.init_fill_ratio != 1.0) {
    complaints.Add("init_fill_ratio", "must be 1 with warm_up, which says how a bucket starts");
  }
}

// The limit and its period, with bounds of the algorithm's own.
void ValidatePace(const RateLimitOptions& options,
                  const RateLimitOverride* own,
                  std::string_view path,
                  ConfigProblems& problems) {
  GcraOptions gcra = GcraOf(options, own);
  if (options.algorithm != Algorithm::kGcra) gcra.burst = 1;
  if (options.calendar != Calendar::kNone) gcra.period = PeriodLengthMax(Calendar::kDay);
  if (own != nullptr) {
    // These are the rule's and are judged there.
    gcra.init_fill_ratio = 1.0;
    if (gcra.period < std::chrono::milliseconds(1) || gcra.period > kPeriodMax) {
      gcra.period = std::chrono::seconds(1);
    }
  }
  Validate(gcra, path, problems);
  if (options.algorithm == Algorithm::kSlidingLog && gcra.limit > kLogLimitMax) {
    problems.push_back({fmt::format("{}.limit", path),
                        fmt::format("must be at most {} with sliding_log, which keeps the time of "
                                    "each token, got {}; use gcra or sliding_window",
                                    kLogLimitMax, gcra.limit)});
  }
}

void ValidateKeys(const RateLimitOptions& options, Complaints& complaints) {
  if (options.keying == Keying::kUnkeyed) {
    if (!options.overrides.empty()) {
      complaints.Add("overrides", "need a `key` to tell whom they are for; add one or drop them");
    }
    return;
  }
  const std::size_t most = options.algorithm == Algorithm::kSlidingLog ? kLogKeysMax : kKeysMax;
  if (options.max_keys < 1 || options.max_keys > most) {
    complaints.Add("max_keys", fmt::format("must be 1..{}, got {}", most, options.max_keys));
  }
  if (options.init_fill_ratio != 1.0) {
    complaints.Add("init_fill_ratio",
                   fmt::format("must be 1 with a `key`, got {}; a key not seen before has its "
                               "whole burst",
                               options.init_fill_ratio));
  }
  std::unordered_set<std::uint64_t> seen;
  for (std::size_t index = 0; index < options.overrides.size(); ++index) {
    const RateLimitOverride& own = options.overrides[index];
    const std::string own_path = fmt::format("{}.overrides[{}]", complaints.path(), index);
    ValidatePace(options, &own, own_path, complaints.problems());
    if (options.algorithm != Algorithm::kGcra && own.burst != 0) {
      complaints.problems().push_back(
          {own_path + ".burst", fmt::format("belongs to gcra, and `algorithm` is {}; drop it",
                                            NameOf(options.algorithm))});
    }
    if (!seen.insert(own.key_hash).second) {
      complaints.problems().push_back(
          {own_path, "is for the same key as one before it; keep one of them"});
    }
  }
}

void ValidateCost(const RateLimitOptions& options, Complaints& complaints) {
  if (options.cost < 1 || options.cost > 1'000'000) {
    complaints.Add("cost", fmt::format("must be 1..1000000, got {}", options.cost));
    return;
  }
  if (options.limit < 1 || options.period < std::chrono::milliseconds(1)) return;
  const std::int64_t most = CapacityOf(options);
  if (options.cost <= most) return;
  const bool is_gcra = options.algorithm == Algorithm::kGcra;
  complaints.Add("cost", fmt::format("must not be above {} {}, got {}; no request would ever be "
                                     "admitted",
                                     is_gcra ? "the burst of" : "what is admitted at once,", most,
                                     options.cost));
}

}  // namespace

std::string_view NameOf(Algorithm algorithm) {
  constexpr std::array<std::string_view, 5> kNames = {"gcra", "sliding_window", "fixed_window",
                                                      "sliding_log", "pacing"};
  return kNames[static_cast<std::size_t>(algorithm)];
}

GcraOptions GcraOf(const RateLimitOptions& options, const RateLimitOverride* own) {
  return {.limit = own == nullptr ? options.limit : own->limit,
          .period = options.period,
          .burst = own == nullptr ? options.burst : own->burst,
          .init_fill_ratio = options.init_fill_ratio,
          .on_reject = options.drain_on_reject ? OnReject::kDrain : OnReject::kKeep};
}

WindowOptions WindowOf(const RateLimitOptions& options, const RateLimitOverride* own) {
  return {.limit = own == nullptr ? options.limit : own->limit,
          .period = options.period,
          .calendar = options.calendar,
          .on_reject = options.drain_on_reject ? OnReject::kDrain : OnReject::kKeep};
}

PacingOptions PacingOf(const RateLimitOptions& options, const RateLimitOverride* own) {
  return {.limit = own == nullptr ? options.limit : own->limit,
          .period = options.period,
          .max_wait = options.max_queueing_time};
}

std::int64_t CapacityOf(const RateLimitOptions& options) {
  switch (options.algorithm) {
    case Algorithm::kGcra:
      return EffectiveBurst(GcraOf(options, nullptr));
    case Algorithm::kPacing:
      return Pacing::Capacity(Pacing::Pace::Of(PacingOf(options, nullptr)));
    case Algorithm::kSlidingWindow:
    case Algorithm::kFixedWindow:
    case Algorithm::kSlidingLog:
      break;
  }
  return options.limit;
}

void Validate(const RateLimitOptions& options, std::string_view path, ConfigProblems& problems) {
  Complaints complaints(path, problems);
  if (options.name.empty()) complaints.Add("name", "is required; refusals are reported under it");
  ValidateCombination(options, complaints);
  ValidatePace(options, nullptr, path, problems);
  ValidateKeys(options, complaints);
  ValidateCost(options, complaints);
  if (options.warm_up) Validate(*options.warm_up, fmt::format("{}.warm_up", path), problems);
  if (options.max_queueing_time < Nanos(0) || options.max_queueing_time > kQueueingTimeMax) {
    complaints.Add("max_queueing_time",
                   fmt::format("must be 0..1 min, got {} ns", options.max_queueing_time.count()));
  }
  if (!IsWithin(options.enforce_percent, 0, 100)) {
    complaints.Add("enforce_percent",
                   fmt::format("must be 0..100, got {}", options.enforce_percent));
  }
  if (!IsWithin(options.near_limit_ratio, 0, 1)) {
    complaints.Add("near_limit_ratio",
                   fmt::format("must be 0..1, got {}", options.near_limit_ratio));
  }
}

}  // namespace sluice::limit
