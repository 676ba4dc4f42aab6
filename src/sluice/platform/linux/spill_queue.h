// SpillQueue: the bytes of one Send that the kernel did not take at once, in order.
//
// Made of 16 KiB blocks from a pool of the loop, so a slow reader costs no heap allocation in
// steady state and an idle stream holds no block. The pool keeps a bounded number of free blocks.
// Not thread-safe: belongs to one loop.

#pragma once

#include <cstddef>
#include <span>

#include <sys/uio.h>

#include "sluice/contract/bytes.h"

namespace sluice::platform {

struct SpillBlock;

class SpillPool {
 public:
  static constexpr std::size_t kSparesMax = 128;  // 2 MiB.

  SpillPool() = default;
  SpillPool(const SpillPool&) = delete;
  SpillPool& operator=(const SpillPool&) = delete;
  ~SpillPool();

  [[nodiscard]] std::size_t spares() const { return spare_count_; }

 private:
  friend class SpillQueue;
  SpillBlock* Take();
  void Return(SpillBlock* block);

  SpillBlock* spares_ = nullptr;
  std::size_t spare_count_ = 0;
};

class SpillQueue {
 public:
  SpillQueue() = default;
  SpillQueue(const SpillQueue&) = delete;
  SpillQueue& operator=(const SpillQueue&) = delete;
  // Requires that it is empty: Clear() it.
  ~SpillQueue();

  [[nodiscard]] bool empty() const { return first_ == nullptr; }

  // Copies `bytes` to the end.
  void Append(SpillPool& pool, ByteView bytes);

  // Fills `parts` with the first bytes; returns how many entries it filled.
  [[nodiscard]] std::size_t Peek(std::span<iovec> parts) const;

  // Forgets the first `bytes` and gives emptied blocks back.
  void Consume(SpillPool& pool, Bytes bytes);

  void Clear(SpillPool& pool);

 private:
  SpillBlock* first_ = nullptr;
  SpillBlock* last_ = nullptr;
};

}  // namespace sluice::platform
