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
#include "sluice/limit/shared_gcra.h"

namespace sluice::limit {

enum class OnTableFull : std::uint8_t {
  kSharedBucket,  // All keys without an entry share one bucket of the same limit.
  kAllow,         // They are admitted, uncounted.
  kDeny,          // They are refused.
};

inline constexpr std::size_t kKeysMax = 16'000'000;

struct KeyOverride {
  std::uint64_t key_hash = 0;  // As KeyHasher makes it.
  GcraOptions gcra;
};

struct KeyedLimiterOptions {
  GcraOptions gcra;
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

  // Takes all `tokens` of the key's bucket or none; 0 looks without taking.
  // Allocates only when a shard's table grows.
  [[nodiscard]] Admission TryTake(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now);

  // Gives back what an admitted request of this key took.
  void Refund(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now);

  // New limits, overrides, bound and policy; debts are kept as time. Keys beyond a lowered bound
  // stay until their buckets are full again. Not concurrently with itself.
  void Reconfigure(const KeyedLimiterOptions& options);

  [[nodiscard]] KeyedLimiterStats Stats() const;

 private:
  struct Shard;
  struct Overrides;

  [[nodiscard]] Shard& ShardOf(std::uint64_t key_hash) const;
  [[nodiscard]] Admission WithoutRoom(std::uint32_t tokens, SteadyTime now);

  SteadyTime origin_;
  std::atomic<std::size_t> max_keys_;
  std::atomic<OnTableFull> on_table_full_;
  std::size_t shard_shift_;
  std::size_t shard_count_;
  std::unique_ptr<Shard[]> shards_;
  std::unique_ptr<const Overrides> overrides_;
  alignas(64) std::atomic<std::size_t> keys_{0};  // Changes only when a key comes or goes.
  SharedGcra shared_bucket_;
};

}  // namespace sluice::limit
