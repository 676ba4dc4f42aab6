// EventFilter: at most one event for each key, metric and step, so that one user with a broken
// account, retrying all day, is one event and not a thousand.
//
// A Bloom filter (Bloom, 1970) of 1 MiB and four probes: some 800,000 events until one in a hundred
// new ones is taken for seen. What is missed then is missed for all arms alike, so the judge only
// becomes slower. Allocated once; cleared at each step by a new epoch, without being written: the
// epoch is part of what is hashed, and the bits of old epochs are cleared when a third is set.
//
// Thread-safe: bits are set by relaxed atomic or; two loops that note one event at the same moment
// may both count it.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::release {

class EventFilter {
 public:
  static constexpr std::size_t kWords = 131'072;  // 1 MiB.

  EventFilter();

  // True when this event was not noted before in this epoch. `key_hash` is any good hash.
  [[nodiscard]] bool IsNew(std::uint64_t key_hash, std::uint32_t channel);

  // Everything is new again.
  void BeginEpoch();

 private:
  static constexpr std::uint32_t kProbes = 4;

  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<std::uint64_t> bits_set_{0};
};

}  // namespace sluice::release
