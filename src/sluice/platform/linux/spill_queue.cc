#include "sluice/platform/linux/spill_queue.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::platform {

struct SpillBlock {
  static constexpr std::size_t kBlockBytes = 16 * kKiB;
  static constexpr std::size_t kCapacity =
      kBlockBytes - sizeof(SpillBlock*) - 2 * sizeof(std::uint32_t);

  SpillBlock* next;
  std::uint32_t begin;
  std::uint32_t end;
  std::array<char, kCapacity> data;

  [[nodiscard]] std::size_t size() const { return end - begin; }
};
static_assert(sizeof(SpillBlock) == SpillBlock::kBlockBytes);

SpillPool::~SpillPool() {
  while (spares_ != nullptr) {
    delete std::exchange(spares_, spares_->next);
  }
}

SpillBlock* SpillPool::Take() {
  SpillBlock* block = spares_;
  if (block != nullptr) {
    spares_ = block->next;
    --spare_count_;
  } else {
    block = new SpillBlock;
  }
  block->next = nullptr;
  block->begin = block->end = 0;
  return block;
}

void SpillPool::Return(SpillBlock* block) {
  if (spare_count_ == kSparesMax) {
    delete block;
    return;
  }
  block->next = std::exchange(spares_, block);
  ++spare_count_;
}

SpillQueue::~SpillQueue() {
  SLUICE_ASSERT(empty());
}

void SpillQueue::Append(SpillPool& pool, ByteView bytes) {
  while (!bytes.empty()) {
    if (last_ == nullptr || last_->end == SpillBlock::kCapacity) {
      SpillBlock* block = pool.Take();
      (last_ == nullptr ? first_ : last_->next) = block;
      last_ = block;
    }
    const std::size_t part = std::min(bytes.size(), SpillBlock::kCapacity - last_->end);
    std::memcpy(last_->data.data() + last_->end, bytes.data(), part);
    last_->end += static_cast<std::uint32_t>(part);
    bytes.remove_prefix(part);
  }
}

std::size_t SpillQueue::Peek(std::span<iovec> parts) const {
  std::size_t count = 0;
  for (SpillBlock* block = first_; block != nullptr && count < parts.size(); block = block->next) {
    parts[count++] = {.iov_base = block->data.data() + block->begin, .iov_len = block->size()};
  }
  return count;
}

void SpillQueue::Consume(SpillPool& pool, Bytes bytes) {
  while (bytes > 0) {
    SLUICE_ASSERT(first_ != nullptr);
    const std::size_t part = std::min(bytes, first_->size());
    first_->begin += static_cast<std::uint32_t>(part);
    bytes -= part;
    if (first_->size() > 0) return;
    SpillBlock* emptied = first_;
    first_ = emptied->next;
    if (first_ == nullptr) last_ = nullptr;
    pool.Return(emptied);
  }
}

void SpillQueue::Clear(SpillPool& pool) {
  while (first_ != nullptr) {
    pool.Return(std::exchange(first_, first_->next));
  }
  last_ = nullptr;
}

}  // namespace sluice::platform
