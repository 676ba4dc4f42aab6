// KeyTable: hash of a key → a time and a state, in open addressing with linear probing; the store
// of one shard of a KeyedLimiter.
//
// The time is the moment from which the entry equals no entry: with GCRA the TAT, with a window the
// moment when the last of its counts is forgotten. Such an entry is reused by the next new key that
// probes past it, and swept when the table is crowded. Entries in use are never dropped.
//
// Not thread-safe: it stands behind its shard's lock. Allocates when it grows.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "sluice/limit/admission.h"

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

// The state of an algorithm whose time says it all.
struct NoState {};

// `State` is default-constructible, movable, and takes no place when it is empty.
template <typename State>
class KeyTableOf {
 public:
  struct Entry {
    std::uint64_t hash = 0;  // 0: empty.
    Ticks time = 0;
    [[no_unique_address]] State state;
  };

  // Where a key is, or could be put.
  struct Place {
    Entry* entry = nullptr;  // Null when the key has none.
    std::size_t vacant = 0;  // Without an entry: the slot to use, empty or reusable.
  };

  // Requires hash != 0.
  [[nodiscard]] Place Find(std::uint64_t hash, Ticks now);

  // The time of a key without entry: no earlier than that of any entry already dropped, so a `now`
  // that steps back cannot find a bucket fuller than it was.
  [[nodiscard]] Ticks fresh_time() const { return dropped_up_to_; }

  // Remembers a key that Find() did not find; only `entry`'s state is moved from. False when the
  // budget is spent and nothing here can be reclaimed.
  [[nodiscard]] bool Insert(Entry entry, Ticks now, KeyBudget& budget);

  // Must be told when an entry's time is lowered (a refund).
  void NoteLowered(Ticks time) { earliest_ = std::min(earliest_, time); }

  // When reclaiming is worth another try.
  [[nodiscard]] Ticks next_sweep() const { return std::max(earliest_, sweep_pause_ends_); }
  [[nodiscard]] std::size_t entries() const { return used_; }
  // Of the table itself, without what states own elsewhere.
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(Entry); }

 private:
  static constexpr std::size_t kFirstCapacity = 16;
  // A full table under a flood of keys is searched for room this often, not at each request.
  static constexpr Ticks kSweepPause = 10'000'000 * kTicksPerNano;  // 10 ms.

  void Put(std::size_t slot, Entry entry);
  void MakeRoom(Ticks now, KeyBudget& budget);
  void Sweep(Ticks now, KeyBudget& budget);
  void Grow();
  void Erase(std::size_t slot);
  [[nodiscard]] std::size_t Home(std::uint64_t hash) const { return hash & (capacity_ - 1); }

  std::unique_ptr<Entry[]> entries_;
  std::size_t capacity_ = 0;  // 0, or a power of two.
  std::size_t used_ = 0;      // Entries, in use or not.
  Ticks dropped_up_to_ = 0;   // The greatest time of an entry that was dropped.
  Ticks earliest_ = std::numeric_limits<Ticks>::max();  // No entry's time is before this.
  Ticks sweep_pause_ends_ = 0;
};

// 16 bytes an entry: what GCRA and pacing need.
using KeyTable = KeyTableOf<NoState>;
static_assert(sizeof(KeyTable::Entry) == 16);

template <typename State>
typename KeyTableOf<State>::Place KeyTableOf<State>::Find(std::uint64_t hash, Ticks now) {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  if (capacity_ == 0) return {};
  std::size_t reusable = kNone;
  std::size_t slot = Home(hash);
  // Ends at an empty slot: a quarter of the table is always empty.
  while (entries_[slot].hash != 0) {
    if (entries_[slot].hash == hash) return {.entry = &entries_[slot]};
    if (reusable == kNone && entries_[slot].time <= now) reusable = slot;
    slot = (slot + 1) & (capacity_ - 1);
  }
  return {.vacant = reusable == kNone ? slot : reusable};
}

template <typename State>
bool KeyTableOf<State>::Insert(Entry entry, Ticks now, KeyBudget& budget) {
  if (capacity_ > 0) {
    const std::size_t vacant = Find(entry.hash, now).vacant;
    if (entries_[vacant].hash != 0) {
      Put(vacant, std::move(entry));
      return true;
    }
  }
  if (!budget.TryTake()) {
    if (now < next_sweep()) return false;
    Sweep(now, budget);
    if (!budget.TryTake()) return false;
  }
  if ((used_ + 1) * 4 > capacity_ * 3) MakeRoom(now, budget);
  const std::size_t vacant = Find(entry.hash, now).vacant;
  if (entries_[vacant].hash == 0) {
    ++used_;
  } else {
    budget.GiveBack(1);
  }
  Put(vacant, std::move(entry));
  return true;
}

template <typename State>
void KeyTableOf<State>::Put(std::size_t slot, Entry entry) {
  if (entries_[slot].hash != 0) dropped_up_to_ = std::max(dropped_up_to_, entries_[slot].time);
  earliest_ = std::min(earliest_, entry.time);
  entries_[slot] = std::move(entry);
}

// Sweeps before it grows, and grows unless that left the table half empty: so sweeps are paid for
// by the insertions since the last one.
template <typename State>
void KeyTableOf<State>::MakeRoom(Ticks now, KeyBudget& budget) {
  if (now >= next_sweep()) Sweep(now, budget);
  if (used_ * 2 >= capacity_) Grow();
}

template <typename State>
void KeyTableOf<State>::Sweep(Ticks now, KeyBudget& budget) {
  Ticks earliest = std::numeric_limits<Ticks>::max();
  std::size_t dropped = 0;
  std::size_t slot = 0;
  while (slot < capacity_) {
    const Entry& entry = entries_[slot];
    if (entry.hash != 0 && entry.time <= now) {
      dropped_up_to_ = std::max(dropped_up_to_, entry.time);
      Erase(slot);  // Moves another entry here, or empties the slot: look at it again.
      ++dropped;
      continue;
    }
    if (entry.hash != 0) earliest = std::min(earliest, entry.time);
    ++slot;
  }
  used_ -= dropped;
  budget.GiveBack(dropped);
  earliest_ = earliest;
  sweep_pause_ends_ = now + kSweepPause;
}

template <typename State>
void KeyTableOf<State>::Grow() {
  const std::size_t old_capacity = capacity_;
  const std::unique_ptr<Entry[]> old = std::move(entries_);
  capacity_ = std::max(kFirstCapacity, old_capacity * 2);
  entries_ = std::make_unique<Entry[]>(capacity_);
  for (std::size_t index = 0; index < old_capacity; ++index) {
    if (old[index].hash == 0) continue;
    std::size_t slot = Home(old[index].hash);
    while (entries_[slot].hash != 0) {
      slot = (slot + 1) & (capacity_ - 1);
    }
    entries_[slot] = std::move(old[index]);
  }
}

// Closes the gap by moving back whatever may stand nearer to its home (Knuth, TAOCP 6.4, R).
template <typename State>
void KeyTableOf<State>::Erase(std::size_t slot) {
  const std::size_t mask = capacity_ - 1;
  std::size_t gap = slot;
  std::size_t next = (gap + 1) & mask;
  while (entries_[next].hash != 0) {
    const std::size_t distance_from_home = (next - Home(entries_[next].hash)) & mask;
    const std::size_t distance_from_gap = (next - gap) & mask;
    if (distance_from_home >= distance_from_gap) {
      entries_[gap] = std::move(entries_[next]);
      gap = next;
    }
    next = (next + 1) & mask;
  }
  entries_[gap] = {};
}

}  // namespace sluice::limit
