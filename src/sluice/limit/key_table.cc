#include "sluice/limit/key_table.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::limit {

KeyTable::Place KeyTable::Find(std::uint64_t hash, Ticks now) {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  if (capacity_ == 0) return {};
  std::size_t reusable = kNone;
  std::size_t slot = Home(hash);
  // Ends at an empty slot: a quarter of the table is always empty.
  while (entries_[slot].hash != 0) {
    if (entries_[slot].hash == hash) return {.tat = &entries_[slot].tat};
    if (reusable == kNone && entries_[slot].tat <= now) reusable = slot;
    slot = (slot + 1) & (capacity_ - 1);
  }
  return {.vacant = reusable == kNone ? slot : reusable};
}

bool KeyTable::Insert(std::uint64_t hash, Ticks tat, Ticks now, KeyBudget& budget) {
  if (capacity_ > 0) {
    const std::size_t vacant = Find(hash, now).vacant;
    if (entries_[vacant].hash != 0) {
      Put(vacant, hash, tat);
      return true;
    }
  }
  if (!budget.TryTake()) {
    if (now < next_sweep()) return false;
    Sweep(now, budget);
    if (!budget.TryTake()) return false;
  }
  if ((used_ + 1) * 4 > capacity_ * 3) MakeRoom(now, budget);
  const std::size_t vacant = Find(hash, now).vacant;
  if (entries_[vacant].hash == 0) {
    ++used_;
  } else {
    budget.GiveBack(1);
  }
  Put(vacant, hash, tat);
  return true;
}

void KeyTable::Put(std::size_t slot, std::uint64_t hash, Ticks tat) {
  if (entries_[slot].hash != 0) dropped_up_to_ = std::max(dropped_up_to_, entries_[slot].tat);
  entries_[slot] = {.hash = hash, .tat = tat};
  earliest_ = std::min(earliest_, tat);
}

// Sweeps before it grows, and grows unless that left the table half empty: so sweeps are paid for
// by the insertions since the last one.
void KeyTable::MakeRoom(Ticks now, KeyBudget& budget) {
  if (now >= next_sweep()) Sweep(now, budget);
  if (used_ * 2 >= capacity_) Grow();
}

void KeyTable::Sweep(Ticks now, KeyBudget& budget) {
  Ticks earliest = std::numeric_limits<Ticks>::max();
  std::size_t dropped = 0;
  std::size_t slot = 0;
  while (slot < capacity_) {
    const Entry& entry = entries_[slot];
    if (entry.hash != 0 && entry.tat <= now) {
      dropped_up_to_ = std::max(dropped_up_to_, entry.tat);
      Erase(slot);  // Moves another entry here, or empties the slot: look at it again.
      ++dropped;
      continue;
    }
    if (entry.hash != 0) earliest = std::min(earliest, entry.tat);
    ++slot;
  }
  used_ -= dropped;
  budget.GiveBack(dropped);
  earliest_ = earliest;
  sweep_pause_ends_ = now + kSweepPause;
}

void KeyTable::Grow() {
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
    entries_[slot] = old[index];
  }
}

// Closes the gap by moving back whatever may stand nearer to its home (Knuth, TAOCP 6.4, R).
void KeyTable::Erase(std::size_t slot) {
  const std::size_t mask = capacity_ - 1;
  std::size_t gap = slot;
  std::size_t next = (gap + 1) & mask;
  while (entries_[next].hash != 0) {
    const std::size_t distance_from_home = (next - Home(entries_[next].hash)) & mask;
    const std::size_t distance_from_gap = (next - gap) & mask;
    if (distance_from_home >= distance_from_gap) {
      entries_[gap] = entries_[next];
      gap = next;
    }
    next = (next + 1) & mask;
  }
  entries_[gap] = {};
}

}  // namespace sluice::limit
