#include "sluice/limit/keyed_limiter.h"

#include <algorithm>
#include <bit>

#include "sluice/contract/spinlock.h"

namespace sluice::limit {

// One lock's worth of the table. What Reconfigure changes stands here too, so that a decision takes
// one lock and never mixes old with new.
class alignas(64) KeyedLimiter::Shard {
 public:
  [[nodiscard]] const GcraPace& PaceOf(std::uint64_t hash) const {
    const GcraPace* own = overrides->Find(hash);
    return own == nullptr ? pace : *own;
  }

  Spinlock lock;
  OnReject on_reject = OnReject::kKeep;
  GcraPace pace;
  const KeyOverrides* overrides = nullptr;
  KeyTable table;
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t table_full = 0;
};

namespace {

// So many keys a shard that growing one is short, and that a full one has many to reclaim.
constexpr std::size_t kKeysPerShard = 512;
constexpr std::size_t kShardsMax = 1024;

std::size_t ShardCount(std::size_t max_keys) {
  return std::clamp<std::size_t>(std::bit_floor(max_keys / kKeysPerShard), 1, kShardsMax);
}

// 0 marks an empty slot, so requests without a key live under 1.
std::uint64_t StoredHash(std::uint64_t key_hash) {
  return std::max<std::uint64_t>(key_hash, 1);
}

}  // namespace

KeyedLimiter::KeyedLimiter(const KeyedLimiterOptions& options, SteadyTime now)
    : origin_(now),
      shard_mask_(ShardCount(options.max_keys) - 1),
      shards_(std::make_unique<Shard[]>(shard_mask_ + 1)),
      budget_(options.max_keys),
      shared_bucket_(options.gcra, now) {
  Reconfigure(options);
}

KeyedLimiter::~KeyedLimiter() = default;

// The table uses the low bits of the hash, so the shard is chosen by the high ones.
KeyedLimiter::Shard& KeyedLimiter::ShardOf(std::uint64_t key_hash) const {
  return shards_[(key_hash >> 48U) & shard_mask_];
}

Admission KeyedLimiter::TryTake(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now) {
  const std::uint64_t hash = StoredHash(key_hash);
  const Ticks at = TicksSince(origin_, now);
  Shard& shard = ShardOf(hash);
  const SpinlockHolder holder(shard.lock);

  const GcraPace& pace = shard.PaceOf(hash);
  Ticks* const found = shard.table.Find(hash, at).tat;
  const Ticks tat = found == nullptr ? shard.table.fresh_tat() : *found;
  GcraStep step = Step(pace, tat, at, tokens);
  if (!step.admission.admitted && shard.on_reject == OnReject::kDrain) {
    step = Drained(pace, tat, at, tokens);
  }
  if (found != nullptr) {
    *found = step.next_tat;
  } else if (step.next_tat > tat && !shard.table.Insert(hash, step.next_tat, at, budget_)) {
    ++shard.table_full;
    if (step.admission.admitted) step.admission = WithoutRoom(shard, pace, tokens, now);
  }
  if (tokens > 0) ++(step.admission.admitted ? shard.allowed : shard.denied);
  return step.admission;
}

Admission KeyedLimiter::WithoutRoom(Shard& shard,
                                    const GcraPace& pace,
                                    std::uint32_t tokens,
                                    SteadyTime now) {
  switch (on_table_full_.load(std::memory_order_relaxed)) {
    case OnTableFull::kSharedBucket:
      return shared_bucket_.TryTake(tokens, now);
    case OnTableFull::kAllow:
      return {.admitted = true, .level = Level(pace, 0)};
    case OnTableFull::kDeny:
      break;
  }
  const Ticks until_sweep = shard.table.next_sweep() - TicksSince(origin_, now);
  return {.retry_after = NanosCeil(std::max<Ticks>(until_sweep, 1)), .level = Level(pace, 0)};
}

void KeyedLimiter::Refund(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now) {
  const std::uint64_t hash = StoredHash(key_hash);
  const Ticks at = TicksSince(origin_, now);
  Shard& shard = ShardOf(hash);
  const SpinlockHolder holder(shard.lock);
  Ticks* const found = shard.table.Find(hash, at).tat;
  if (found == nullptr) return;
  *found = Refunded(shard.PaceOf(hash), *found, at, tokens);
  shard.table.NoteLowered(*found);
}

void KeyedLimiter::Reconfigure(const KeyedLimiterOptions& options) {
  auto overrides = std::make_unique<const KeyOverrides>(options.overrides);
  const GcraPace pace = GcraPace::Of(options.gcra);
  for (std::size_t index = 0; index <= shard_mask_; ++index) {
    Shard& shard = shards_[index];
    const SpinlockHolder holder(shard.lock);
    shard.pace = pace;
    shard.on_reject = options.gcra.on_reject;
    shard.overrides = overrides.get();
  }
  overrides_ = std::move(overrides);  // No shard looks at the old ones any more.
  budget_.SetMax(options.max_keys);
  on_table_full_.store(options.on_table_full, std::memory_order_relaxed);
  shared_bucket_.Reconfigure(options.gcra);
}

KeyedLimiterStats KeyedLimiter::Stats() const {
  KeyedLimiterStats stats;
  stats.bytes = sizeof(*this) + (shard_mask_ + 1) * sizeof(Shard) + overrides_->bytes();
  for (std::size_t index = 0; index <= shard_mask_; ++index) {
    Shard& shard = shards_[index];
    const SpinlockHolder holder(shard.lock);
    stats.allowed += shard.allowed;
    stats.denied += shard.denied;
    stats.table_full += shard.table_full;
    stats.keys += shard.table.entries();
    stats.bytes += shard.table.bytes();
  }
  return stats;
}

}  // namespace sluice::limit
