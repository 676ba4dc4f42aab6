// KeyedLimiter: one rate limit per key (user, address, tenant, …), for many keys.
//
// A sharded table with open addressing: for each key a hash, a time and what the algorithm keeps
// beside it. An entry that equals a key never seen is reclaimed without loss (with GCRA: its bucket
// is full again; with a window: its counts are forgotten); entries in use are never evicted, so
// nobody resets his own count by flooding the table with other keys. What happens to new keys at
// the bound is `on_table_full`.
//
// Thread-safe: a spinlock per shard. Memory grows with the keys in use, up to max_keys.
//
// An algorithm is a type with
//   Options                         what one limit is; Validate()d by its room
//   Pace, Pace::Of(options)         the same in ticks, small and trivially copyable
//   State                           of a key, beside its time; default-constructed: never seen
//   Take(pace, cell, tick, tokens)  decides, and changes `cell` when it admits
//   GiveBack(pace, cell, tick, taken)
//   Capacity(pace)                  the most tokens that one request can ever take
//   HeapBytes(pace)                 what a State owns outside its entry, at most

#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"
#include "sluice/limit/admission.h"
#include "sluice/limit/gcra.h"
#include "sluice/limit/key_overrides.h"
#include "sluice/limit/key_table.h"

namespace sluice::limit {

enum class OnTableFull : std::uint8_t {
  kSharedBucket,  // All keys without an entry share one bucket of the same limit.
  kAllow,         // They are admitted, uncounted.
  kDeny,          // They are refused.
};

inline constexpr std::size_t kKeysMax = 16'000'000;

// A Moment in the limiter's ticks.
struct TickMoment {
  Ticks at = 0;
  Ticks deadline = std::numeric_limits<Ticks>::max();
  WallTime wall{};
};

// What is given back, in the limiter's ticks.
struct TickTaken {
  std::uint32_t tokens = 0;
  Ticks start = 0;
};

// What an algorithm works on. `time` is from when on the cell equals one never used; at first it is
// a moment before which no new count may begin (a clock that stepped back).
template <typename State>
struct Cell {
  Ticks& time;
  State& state;
};

// Sums over the life of the limiter, and its present size.
struct KeyedLimiterStats {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t table_full = 0;  // Decisions about keys that found no room; also counted above.
  std::size_t keys = 0;          // Entries, including those that could be reclaimed.
  std::size_t bytes = 0;         // Of all tables and of the limiter itself.
};

template <typename Algorithm>
struct KeyedOptions {
  typename Algorithm::Options each;  // The limit of each key.
  std::size_t max_keys = 100'000;    // 1 .. 16 million.
  OnTableFull on_table_full = OnTableFull::kSharedBucket;
  std::vector<KeyOverride<typename Algorithm::Options>> overrides;
};

template <typename Algorithm>
class KeyedLimiterOf {
 public:
  using Options = KeyedOptions<Algorithm>;

  // Requires options (also of overrides) that the algorithm's Validate() finds nothing wrong with,
  // and max_keys in its range.
  KeyedLimiterOf(const Options& options, SteadyTime now);
  KeyedLimiterOf(const KeyedLimiterOf&) = delete;
  KeyedLimiterOf& operator=(const KeyedLimiterOf&) = delete;

  // Takes all `tokens` of the key's bucket or none; 0 looks without taking. Requests with hash 0,
  // which have no key, share one bucket. Allocates only when a shard's table grows (and with a
  // sliding log for a new key).
  [[nodiscard]] Admission TryTake(std::uint64_t key_hash,
                                  std::uint32_t tokens,
                                  const Moment& moment);
  [[nodiscard]] Admission TryTake(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now) {
    return TryTake(key_hash, tokens, Moment{.now = now});
  }

  // Gives back what an admitted request took, to the bucket that paid. Dropped when the key has no
  // entry any more (its bucket is full again), or when nobody paid.
  void Refund(const Taken& taken, SteadyTime now);

  // The most tokens that one request of this key can take.
  [[nodiscard]] std::int64_t Capacity(std::uint64_t key_hash) const;

  // New limits, overrides, bound and policy; debts and counts are kept. Keys beyond a lowered bound
  // stay until they are forgotten. Decisions may go on meanwhile; not concurrent with itself.
  void Reconfigure(const Options& options);

  [[nodiscard]] KeyedLimiterStats Stats() const;

 private:
  using Pace = typename Algorithm::Pace;
  using State = typename Algorithm::State;
  using Table = KeyTableOf<State>;
  using Overrides = KeyOverridesOf<typename Algorithm::Options, Pace>;

  // So many keys a shard that growing one is short, and that a full one has many to reclaim.
  static constexpr std::size_t kKeysPerShard = 512;
  static constexpr std::size_t kShardsMax = 1024;

  // One lock's worth of the table. What Reconfigure changes stands here too, so that a decision
  // takes one lock and never mixes old with new.
  struct alignas(64) Shard {
    [[nodiscard]] const Pace& PaceOf(std::uint64_t hash) const {
      const Pace* own = overrides->Find(hash);
      return own == nullptr ? pace : *own;
    }

    mutable Spinlock lock;
    Pace pace;
    const Overrides* overrides = nullptr;
    Table table;
    std::uint64_t allowed = 0;
    std::uint64_t denied = 0;
    std::uint64_t table_full = 0;
  };

  // The bucket of all keys that find no room. Its lock is taken inside a shard's.
  struct alignas(64) SharedBucket {
    Spinlock lock;
    Pace pace;
    Ticks time = 0;
    State state;
  };

  [[nodiscard]] static std::size_t ShardCount(std::size_t max_keys) {
    return std::clamp<std::size_t>(std::bit_floor(max_keys / kKeysPerShard), 1, kShardsMax);
  }
  // 0 marks an empty slot, so requests without a key live under 1.
  [[nodiscard]] static std::uint64_t StoredHash(std::uint64_t key_hash) {
    return std::max<std::uint64_t>(key_hash, 1);
  }
  // The table uses the low bits of the hash, so the shard is chosen by the high ones.
  [[nodiscard]] Shard& ShardOf(std::uint64_t hash) const {
    return shards_[(hash >> 48U) & shard_mask_];
  }
  // The decision about a key without entry, under its shard's lock.
  [[nodiscard]] Admission TakeAsNew(Shard& shard,
                                    std::uint64_t hash,
                                    std::uint32_t tokens,
                                    const TickMoment& tick);
  // The decision about a key that finds no room, under its shard's lock.
  [[nodiscard]] Admission WithoutRoom(Shard& shard, std::uint32_t tokens, const TickMoment& tick);

  const SteadyTime origin_;
  const std::uint64_t shard_mask_;
  const std::unique_ptr<Shard[]> shards_;
  std::atomic<OnTableFull> on_table_full_;
  std::unique_ptr<const Overrides> overrides_;
  KeyBudget budget_;
  SharedBucket shared_;
};

template <typename Algorithm>
KeyedLimiterOf<Algorithm>::KeyedLimiterOf(const Options& options, SteadyTime now)
    : origin_(now),
      shard_mask_(ShardCount(options.max_keys) - 1),
      shards_(std::make_unique<Shard[]>(shard_mask_ + 1)),
      budget_(options.max_keys) {
  Reconfigure(options);
}

template <typename Algorithm>
Admission KeyedLimiterOf<Algorithm>::TryTake(std::uint64_t key_hash,
                                             std::uint32_t tokens,
                                             const Moment& moment) {
  const std::uint64_t hash = StoredHash(key_hash);
  const TickMoment tick{.at = TicksSince(origin_, moment.now),
                        .deadline = TicksUntil(origin_, moment.deadline),
                        .wall = moment.wall};
  Shard& shard = ShardOf(hash);
  const SpinlockHolder holder(shard.lock);

  typename Table::Entry* const found = shard.table.Find(hash, tick.at).entry;
  if (found == nullptr) return TakeAsNew(shard, hash, tokens, tick);
  const Ticks before = found->time;
  const Cell<State> cell{found->time, found->state};
  const Admission admission = Algorithm::Take(shard.PaceOf(hash), cell, tick, tokens);
  if (found->time < before) shard.table.NoteLowered(found->time);
  if (tokens > 0) ++(admission.admitted ? shard.allowed : shard.denied);
  return admission;
}

template <typename Algorithm>
Admission KeyedLimiterOf<Algorithm>::TakeAsNew(Shard& shard,
                                               std::uint64_t hash,
                                               std::uint32_t tokens,
                                               const TickMoment& tick) {
  const Ticks fresh = shard.table.fresh_time();
  typename Table::Entry entry{.hash = hash, .time = fresh, .state = State()};
  const Cell<State> cell{entry.time, entry.state};
  Admission admission = Algorithm::Take(shard.PaceOf(hash), cell, tick, tokens);
  if (entry.time > fresh && !shard.table.Insert(std::move(entry), tick.at, budget_)) {
    ++shard.table_full;
    if (admission.admitted) admission = WithoutRoom(shard, tokens, tick);
  }
  if (tokens > 0) ++(admission.admitted ? shard.allowed : shard.denied);
  return admission;
}

template <typename Algorithm>
Admission KeyedLimiterOf<Algorithm>::WithoutRoom(Shard& shard,
                                                 std::uint32_t tokens,
                                                 const TickMoment& tick) {
  switch (on_table_full_.load(std::memory_order_relaxed)) {
    case OnTableFull::kSharedBucket: {
      const SpinlockHolder holder(shared_.lock);
      Admission admission =
          Algorithm::Take(shared_.pace, Cell<State>{shared_.time, shared_.state}, tick, tokens);
      admission.payer = Payer::kShared;
      return admission;
    }
    case OnTableFull::kAllow:
      return {.admitted = true, .payer = Payer::kNobody, .level = Level(1, 1, 0)};
    case OnTableFull::kDeny:
      break;
  }
  const Ticks wait = std::max<Ticks>(1, shard.table.next_sweep() - tick.at);
  return {.retry_after = NanosCeil(wait), .level = Level()};
}

template <typename Algorithm>
void KeyedLimiterOf<Algorithm>::Refund(const Taken& taken, SteadyTime now) {
  if (taken.payer == Payer::kNobody || taken.tokens == 0) return;
  const std::uint64_t hash = StoredHash(taken.key_hash);
  const TickMoment tick{.at = TicksSince(origin_, now)};
  const TickTaken given{.tokens = taken.tokens, .start = TicksSince(origin_, taken.start)};
  if (taken.payer == Payer::kShared) {
    const SpinlockHolder holder(shared_.lock);
    Algorithm::GiveBack(shared_.pace, Cell<State>{shared_.time, shared_.state}, tick, given);
    return;
  }
  Shard& shard = ShardOf(hash);
  const SpinlockHolder holder(shard.lock);
  typename Table::Entry* const found = shard.table.Find(hash, tick.at).entry;
  if (found == nullptr) return;
  Algorithm::GiveBack(shard.PaceOf(hash), Cell<State>{found->time, found->state}, tick, given);
  shard.table.NoteLowered(found->time);
}

template <typename Algorithm>
std::int64_t KeyedLimiterOf<Algorithm>::Capacity(std::uint64_t key_hash) const {
  const std::uint64_t hash = StoredHash(key_hash);
  const Shard& shard = ShardOf(hash);
  const SpinlockHolder holder(shard.lock);
  return Algorithm::Capacity(shard.PaceOf(hash));
}

template <typename Algorithm>
void KeyedLimiterOf<Algorithm>::Reconfigure(const Options& options) {
  auto overrides = std::make_unique<const Overrides>(options.overrides);
  const Pace pace = Pace::Of(options.each);
  for (std::size_t index = 0; index <= shard_mask_; ++index) {
    Shard& shard = shards_[index];
    const SpinlockHolder holder(shard.lock);
    shard.pace = pace;
    shard.overrides = overrides.get();
  }
  overrides_ = std::move(overrides);  // No shard looks at the old ones any more.
  budget_.SetMax(options.max_keys);
  on_table_full_.store(options.on_table_full, std::memory_order_relaxed);
  const SpinlockHolder holder(shared_.lock);
  shared_.pace = pace;
}

template <typename Algorithm>
KeyedLimiterStats KeyedLimiterOf<Algorithm>::Stats() const {
  KeyedLimiterStats stats;
  stats.bytes = sizeof(*this) + (shard_mask_ + 1) * sizeof(Shard) + overrides_->bytes();
  for (std::size_t index = 0; index <= shard_mask_; ++index) {
    const Shard& shard = shards_[index];
    const SpinlockHolder holder(shard.lock);
    stats.allowed += shard.allowed;
    stats.denied += shard.denied;
    stats.table_full += shard.table_full;
    stats.keys += shard.table.entries();
    stats.bytes += shard.table.bytes();
    stats.bytes += shard.table.entries() * Algorithm::HeapBytes(shard.pace);
  }
  return stats;
}

// GCRA on a table: the time of an entry is its TAT, and that is all.
struct KeyedGcra {
  using Options = GcraOptions;  // init_fill_ratio is not used: a key never seen is full.
  using State = NoState;
  struct Pace {
    GcraPace gcra;
    OnReject on_reject = OnReject::kKeep;

    static Pace Of(const GcraOptions& options) {
      return {.gcra = GcraPace::Of(options), .on_reject = options.on_reject};
    }
  };

  static Admission Take(const Pace& pace,
                        Cell<State> cell,
                        const TickMoment& tick,
                        std::uint32_t tokens) {
    GcraStep step = Step(pace.gcra, cell.time, tick.at, tokens);
    if (!step.admitted && pace.on_reject == OnReject::kDrain) {
      step = Drained(pace.gcra, cell.time, tick.at, tokens);
    }
    cell.time = step.next_tat;
    return step.AdmissionBy(pace.gcra);
  }
  static void GiveBack(const Pace& pace,
                       Cell<State> cell,
                       const TickMoment& tick,
                       const TickTaken& taken) {
    cell.time = Refunded(pace.gcra, cell.time, tick.at, taken.tokens);
  }
  static std::int64_t Capacity(const Pace& pace) {
    return pace.gcra.tolerance / pace.gcra.interval;
  }
  static std::size_t HeapBytes(const Pace& /*pace*/) { return 0; }
};

using KeyedLimiter = KeyedLimiterOf<KeyedGcra>;
using KeyedLimiterOptions = KeyedOptions<KeyedGcra>;

}  // namespace sluice::limit
