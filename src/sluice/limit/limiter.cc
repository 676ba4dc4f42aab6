#include "sluice/limit/limiter.h"

#include <type_traits>

#include "sluice/limit/fixed_window.h"
#include "sluice/limit/pacing.h"
#include "sluice/limit/shared_gcra.h"
#include "sluice/limit/sliding_log.h"
#include "sluice/limit/sliding_window.h"
#include "sluice/limit/warm_up.h"

namespace sluice::limit {

namespace {

template <typename Algorithm>
typename Algorithm::Options EachOf(const RateLimitOptions& options, const RateLimitOverride* own) {
  if constexpr (std::is_same_v<typename Algorithm::Options, GcraOptions>) {
    return GcraOf(options, own);
  } else if constexpr (std::is_same_v<typename Algorithm::Options, PacingOptions>) {
    return PacingOf(options, own);
  } else {
    return WindowOf(options, own);
  }
}

template <typename Algorithm>
KeyedOptions<Algorithm> KeyedOf(const RateLimitOptions& options) {
  KeyedOptions<Algorithm> keyed{.each = EachOf<Algorithm>(options, nullptr),
                                .max_keys = options.max_keys,
                                .on_table_full = options.on_table_full,
                                .overrides = {}};
  // Without a key all requests are counted under one.
  if (options.keying == Keying::kUnkeyed) keyed.max_keys = 1;
  for (const RateLimitOverride& own : options.overrides) {
    keyed.overrides.push_back({.key_hash = own.key_hash, .each = EachOf<Algorithm>(options, &own)});
  }
  return keyed;
}

template <typename Algorithm>
class TableLimiter final : public Limiter {
 public:
  TableLimiter(const RateLimitOptions& options, SteadyTime now)
      : table_(KeyedOf<Algorithm>(options), now) {}

  Admission TryTake(std::uint64_t key_hash, std::uint32_t tokens, const Moment& moment) override {
    return table_.TryTake(key_hash, tokens, moment);
  }
  void Refund(const Taken& taken, SteadyTime now) override { table_.Refund(taken, now); }
  [[nodiscard]] std::int64_t Capacity(std::uint64_t key_hash) const override {
    return table_.Capacity(key_hash);
  }
  void Rewarm(SteadyTime /*now*/) override {}
  void Reconfigure(const RateLimitOptions& options) override {
    table_.Reconfigure(KeyedOf<Algorithm>(options));
  }
  [[nodiscard]] KeyedLimiterStats Stats() const override { return table_.Stats(); }

 private:
  KeyedLimiterOf<Algorithm> table_;
};

class WarmingLimiter final : public Limiter {
 public:
  WarmingLimiter(const RateLimitOptions& options, SteadyTime now)
      : limit_(GcraOf(options, nullptr), *options.warm_up, now), capacity_(CapacityOf(options)) {}

  Admission TryTake(std::uint64_t /*key_hash*/,
                    std::uint32_t tokens,
                    const Moment& moment) override {
    return limit_.TryTake(tokens, moment.now);
  }
  void Refund(const Taken& taken, SteadyTime now) override { limit_.Refund(taken.tokens, now); }
  [[nodiscard]] std::int64_t Capacity(std::uint64_t /*key_hash*/) const override {
    return capacity_.load(std::memory_order_relaxed);
  }
  void Rewarm(SteadyTime now) override { limit_.Rewarm(now); }
  void Reconfigure(const RateLimitOptions& options) override {
    limit_.Reconfigure(GcraOf(options, nullptr), *options.warm_up);
    capacity_.store(CapacityOf(options), std::memory_order_relaxed);
  }
  [[nodiscard]] KeyedLimiterStats Stats() const override { return {}; }

 private:
  WarmUpLimit limit_;
  std::atomic<std::int64_t> capacity_;
};

}  // namespace

std::unique_ptr<Limiter> MakeLimiter(const RateLimitOptions& options, SteadyTime now) {
  switch (options.algorithm) {
    case Algorithm::kGcra:
      break;
    case Algorithm::kSlidingWindow:
      return std::make_unique<TableLimiter<SlidingWindow>>(options, now);
    case Algorithm::kFixedWindow:
      return std::make_unique<TableLimiter<FixedWindow>>(options, now);
    case Algorithm::kSlidingLog:
      return std::make_unique<TableLimiter<SlidingLog>>(options, now);
    case Algorithm::kPacing:
      return std::make_unique<TableLimiter<Pacing>>(options, now);
  }
  if (options.warm_up) return std::make_unique<WarmingLimiter>(options, now);
  return std::make_unique<TableLimiter<KeyedGcra>>(options, now);
}

}  // namespace sluice::limit
