#include "sluice/limit/key_overrides.h"

#include <algorithm>
#include <bit>

namespace sluice::limit {

KeyOverrides::KeyOverrides(const std::vector<KeyOverride>& overrides) {
  if (overrides.empty()) return;
  slots_.resize(std::bit_ceil(overrides.size() * 2));
  const std::size_t mask = slots_.size() - 1;
  for (const KeyOverride& override_of_key : overrides) {
    const std::uint64_t hash = std::max<std::uint64_t>(override_of_key.key_hash, 1);
    std::size_t slot = hash & mask;
    while (slots_[slot].hash != 0 && slots_[slot].hash != hash) {
      slot = (slot + 1) & mask;
    }
    slots_[slot] = {.hash = hash, .pace = GcraPace::Of(override_of_key.gcra)};
  }
}

const GcraPace* KeyOverrides::FindSlot(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot].hash != 0) {
    if (slots_[slot].hash == hash) return &slots_[slot].pace;
    slot = (slot + 1) & mask;
  }
  return nullptr;
}

}  // namespace sluice::limit
