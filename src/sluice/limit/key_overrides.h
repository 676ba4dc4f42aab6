// KeyOverrides: the few keys whose limit differs from the rule's. Immutable; looked up by hash.

#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::limit {

template <typename Options>
struct KeyOverride {
  std::uint64_t key_hash = 0;  // As KeyHasher makes it.
  Options each;                // The key's own limit.
};

// `Pace::Of(options)` makes what decisions use; see KeyedLimiterOf.
template <typename Options, typename Pace>
class KeyOverridesOf {
 public:
  explicit KeyOverridesOf(const std::vector<KeyOverride<Options>>& overrides) {
    if (overrides.empty()) return;
    slots_.resize(std::bit_ceil(overrides.size() * 2));
    const std::size_t mask = slots_.size() - 1;
    for (const KeyOverride<Options>& own : overrides) {
      const std::uint64_t hash = std::max<std::uint64_t>(own.key_hash, 1);
      std::size_t slot = hash & mask;
      while (slots_[slot].hash != 0 && slots_[slot].hash != hash) {
        slot = (slot + 1) & mask;
      }
      slots_[slot] = {.hash = hash, .pace = Pace::Of(own.each)};
    }
  }

  // Null when the key has the rule's own pace. Valid as long as this.
  [[nodiscard]] const Pace* Find(std::uint64_t hash) const {
    if (slots_.empty()) return nullptr;
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash & mask;
    while (slots_[slot].hash != 0) {
      if (slots_[slot].hash == hash) return &slots_[slot].pace;
      slot = (slot + 1) & mask;
    }
    return nullptr;
  }
  [[nodiscard]] std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t hash = 0;  // 0: empty.
    Pace pace;
  };

  std::vector<Slot> slots_;  // Open addressing, at least half empty; a power of two, or none.
};

}  // namespace sluice::limit
