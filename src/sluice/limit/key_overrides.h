// KeyOverrides: the few keys whose limit differs from the rule's. Immutable; looked up by hash.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/limit/gcra.h"

namespace sluice::limit {

struct KeyOverride {
  std::uint64_t key_hash = 0;  // As KeyHasher makes it.
  GcraOptions gcra;
};

class KeyOverrides {
 public:
  explicit KeyOverrides(const std::vector<KeyOverride>& overrides);

  // Null when the key has the rule's own pace. Valid as long as this.
  [[nodiscard]] const GcraPace* Find(std::uint64_t hash) const {
    if (slots_.empty()) return nullptr;
    return FindSlot(hash);
  }
  [[nodiscard]] std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t hash = 0;  // 0: empty.
    GcraPace pace;
  };
  [[nodiscard]] const GcraPace* FindSlot(std::uint64_t hash) const;

  std::vector<Slot> slots_;  // Open addressing, at least half empty; a power of two, or none.
};

}  // namespace sluice::limit
