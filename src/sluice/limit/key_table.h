// KeyTable: hash of a key → TAT, in open addressing with linear probing; the store of one shard of
// a KeyedLimiter.
//
// An entry whose TAT is at or before now equals no entry: it is reused by the next new key that
// probes past it, and swept when the table is crowded. Entries with debt are never dropped.
//
// Not thread-safe: it stands behind its shard's lock. Allocates when it grows.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "sluice/limit/gcra.h"

namespace sluice::limit {

// How many entries all shards together may have. One atomic that changes only when an entry comes
// or goes, so hits never touch it.
class KeyBudget {
 public:
  explicit KeyBudget(std::size_t max_keys) : max_keys_(max_keys) {}

  [[nodiscard]] bool TryTake() {
    if (keys_.fetch_add(1, std::memory_order_relaxed) < max_keys_.load(std::memory_order_relaxed)) {
      return true;
    }
    GiveBack(1);
    return false;
  }
  void GiveBack(std::size_t count) { keys_.fetch_sub(count, std::memory_order_relaxed); }
  void SetMax(std::size_t max_keys) { max_keys_.store(max_keys, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t keys() const { return keys_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::size_t> keys_{0};
  std::atomic<std::size_t> max_keys_;
};

class KeyTable {
 public:
  // Where a key is, or could be put.
  struct Place {
    Ticks* tat = nullptr;    // Of the key's entry; null when it has none.
    std::size_t vacant = 0;  // Without an entry: the slot to use, empty or reusable.
  };

  // Requires hash != 0.
  [[nodiscard]] Place Find(std::uint64_t hash, Ticks now);

  // The TAT of a key without entry: no earlier than that of any entry already dropped, so a `now`
  // that steps back cannot find a bucket fuller than it was.
  [[nodiscard]] Ticks fresh_tat() const { return dropped_up_to_; }

  // Remembers a key that Find() did not find. False when the budget is spent and nothing here can
  // be reclaimed.
  [[nodiscard]] bool Insert(std::uint64_t hash, Ticks tat, Ticks now, KeyBudget& budget);

  // Must be told when an entry's TAT is lowered (a refund).
  void NoteLowered(Ticks tat) { earliest_ = std::min(earliest_, tat); }

  // When reclaiming is worth another try.
  [[nodiscard]] Ticks next_sweep() const { return std::max(earliest_, sweep_pause_ends_); }
  [[nodiscard]] std::size_t entries() const { return used_; }
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(Entry); }

 private:
  struct Entry {
    std::uint64_t hash = 0;  // 0: empty.
    Ticks tat = 0;
  };
  static constexpr std::size_t kFirstCapacity = 16;
  // A full table under a flood of keys is searched for room this often, not at each request.
  static constexpr Ticks kSweepPause = 10'000'000 * kTicksPerNano;  // 10 ms.

  void Put(std::size_t slot, std::uint64_t hash, Ticks tat);
  void MakeRoom(Ticks now, KeyBudget& budget);
  void Sweep(Ticks now, KeyBudget& budget);
  void Grow();
  void Erase(std::size_t slot);
  [[nodiscard]] std::size_t Home(std::uint64_t hash) const { return hash & (capacity_ - 1); }

  std::unique_ptr<Entry[]> entries_;
  std::size_t capacity_ = 0;  // 0, or a power of two.
  std::size_t used_ = 0;      // Entries, with or without debt.
  Ticks dropped_up_to_ = 0;   // The greatest TAT of an entry that was dropped.
  Ticks earliest_ = std::numeric_limits<Ticks>::max();  // No entry's TAT is before this.
  Ticks sweep_pause_ends_ = 0;
};

}  // namespace sluice::limit
