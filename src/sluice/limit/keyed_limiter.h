// KeyedLimiter: one rate limit per key (user, address, tenant, …), for many keys.
//
// A sharded table with open addressing; an entry is 16 bytes, {hash of the key, TAT}. A TAT in the
// past equals a fresh bucket, so entries whose bucket is full again are reclaimed without loss;
// entries in use are never evicted, so nobody resets his own bucket by flooding the table with
// other keys. What happens to new keys at the bound is `on_table_full`.
//
// Thread-safe: a spinlock per shard. Memory grows with the keys in use, up to max_keys.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/limit/gcra.h"
#include "sluice/limit/key_overrides.h"
#include "sluice/limit/key_table.h"
#include "sluice/limit/shared_gcra.h"

namespace sluice::limit {

enum class OnTableFull : std::uint8_t {
  kSharedBucket,  // All keys without an entry share one bucket of the same limit.
  kAllow,         // They are admitted, uncounted.
  kDeny,          // They are refused.
};

inline constexpr std::size_t kKeysMax = 16'000'000;

struct KeyedLimiterOptions {
  GcraOptions gcra;                // init_fill_ratio is not used: a key never seen is full.
  std::size_t max_keys = 100'000;  // 1 .. 16 million.
  OnTableFull on_table_full = OnTableFull::kSharedBucket;
  std::vector<KeyOverride> overrides;
};

// Sums over the life of the limiter, and its present size.
struct KeyedLimiterStats {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t table_full = 0;  // Decisions about keys that found no room; also counted above.
  std::size_t keys = 0;          // Entries, including those that could be reclaimed.
  std::size_t bytes = 0;         // Of all tables and of the limiter itself.
};

class KeyedLimiter {
 public:
  // Requires gcra options (also of overrides) that Validate() finds nothing wrong with, and
  // max_keys in its range.
  KeyedLimiter(const KeyedLimiterOptions& options, SteadyTime now);
  KeyedLimiter(const KeyedLimiter&) = delete;
  KeyedLimiter& operator=(const KeyedLimiter&) = delete;
  ~KeyedLimiter();

  // Takes all `tokens` of the key's bucket or none; 0 looks without taking. Requests with hash 0,
  // which have no key, share one bucket. Allocates only when a shard's table grows.
  [[nodiscard]] Admission TryTake(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now);

  // Gives back what an admitted request of this key took. Dropped when the key has no entry: its
  // bucket is full again, or it was let in without room.
  void Refund(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now);

  // New limits, overrides, bound and policy; debts are kept as time. Keys beyond a lowered bound
  // stay until their buckets are full again. Decisions may go on meanwhile; not concurrent with
  // itself.
  void Reconfigure(const KeyedLimiterOptions& options);

  [[nodiscard]] KeyedLimiterStats Stats() const;

 private:
  class Shard;

  [[nodiscard]] Shard& ShardOf(std::uint64_t key_hash) const;
  // The decision about a key that finds no room, under its shard's lock.
  [[nodiscard]] Admission WithoutRoom(Shard& shard,
                                      const GcraPace& pace,
                                      std::uint32_t tokens,
                                      SteadyTime now);

  const SteadyTime origin_;
  const std::uint64_t shard_mask_;
  const std::unique_ptr<Shard[]> shards_;
  std::atomic<OnTableFull> on_table_full_;
  std::unique_ptr<const KeyOverrides> overrides_;
  KeyBudget budget_;
  SharedGcra shared_bucket_;
};

}  // namespace sluice::limit
