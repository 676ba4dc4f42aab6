#include "sluice/limit/gcra.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "sluice/contract/random.h"
#include "sluice/limit/option_range.h"

namespace sluice::limit {

namespace {

constexpr Ticks kFillTicksMax = Nanos(kFillTimeMax).count() * kTicksPerNano;
// `now` stays below 4.8 years less the longest debt, so the sums of Step() stay in range.
static_assert(kFillTicksMax < std::numeric_limits<Ticks>::max() / 16);

// `count` periods of `limit`, in ticks, rounded down; exact, and at most the largest Ticks.
Ticks TicksOf(std::int64_t count, Nanos period, std::int64_t limit) {
  const Wide ticks = static_cast<Wide>(period.count()) * static_cast<Wide>(kTicksPerNano) *
                     static_cast<Wide>(count) / static_cast<Wide>(limit);
  constexpr Wide kMost = static_cast<Wide>(std::numeric_limits<Ticks>::max());
  return static_cast<Ticks>(std::min(ticks, kMost));
}

}  // namespace

std::int64_t EffectiveBurst(const GcraOptions& options) {
  if (options.burst > 0) return options.burst;
  constexpr Nanos kSecond = std::chrono::seconds(1);
  const Wide per_second = static_cast<Wide>(options.limit) * static_cast<Wide>(kSecond.count()) /
                          static_cast<Wide>(options.period.count());
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(per_second));
}

GcraPace GcraPace::Of(const GcraOptions& options) {
  GcraPace pace;
  pace.interval = std::max<Ticks>(1, TicksOf(1, options.period, options.limit));
  pace.tolerance = pace.interval * EffectiveBurst(options);
  return pace;
}

void Validate(const GcraOptions& options, std::string_view path, ConfigProblems& problems) {
  const auto complain = [&](std::string_view field, std::string text) {
    problems.push_back({fmt::format("{}.{}", path, field), std::move(text)});
  };
  const bool limit_fits = options.limit >= 1 && options.limit <= kLimitMax;
  const bool period_fits =
      options.period >= std::chrono::milliseconds(1) && options.period <= kPeriodMax;
  if (!limit_fits) {
    complain("limit",
             fmt::format("must be 1..1000000000, got {}; to refuse every request set the route's "
                         "`action: deny` instead",
                         options.limit));
  }
  if (!period_fits) {
    complain("period", fmt::format("must be 1ms..32 days, got {} ns", options.period.count()));
  }
  if (options.burst < 0 || options.burst > kBurstMax) {
    complain("burst", fmt::format("must be 1..1000000000, got {}; leave it out for as many as "
                                  "come in a second",
                                  options.burst));
  } else if (limit_fits && period_fits) {
    if (Nanos(options.limit) > options.period) {
      complain("limit", fmt::format("must be at most one a nanosecond, got {} in {} ns; this rate "
                                    "is as good as no limit",
                                    options.limit, options.period.count()));
    } else if (TicksOf(EffectiveBurst(options), options.period, options.limit) > kFillTicksMax) {
      complain("burst", fmt::format("must refill within 100 days at this limit, got {}; lower it "
                                    "or shorten the period",
                                    options.burst));
    }
  }
  if (!IsWithin(options.init_fill_ratio, 0, 1)) {
    complain("init_fill_ratio", fmt::format("must be 0..1, got {}", options.init_fill_ratio));
  }
}

GcraStep Drained(const GcraPace& pace, Ticks tat, Ticks now, std::uint32_t tokens) {
  const Ticks emptied = std::max(tat, now + pace.tolerance);
  GcraStep step = Step(pace, emptied, now, tokens);
  step.next_tat = emptied;
  return step;
}

Ticks Refunded(const GcraPace& pace, Ticks tat, Ticks now, std::uint32_t tokens) {
  // A TAT at or before now is a full bucket already: nothing is left of what was taken.
  if (tat <= now) return tat;
  return std::max(now, tat - pace.CostOf(tokens));
}

}  // namespace sluice::limit
