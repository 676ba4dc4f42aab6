#include "sluice/contract/frame_pool.h"

#include <array>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_POOLED_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_POOLED_FRAMES 0
#endif
#endif
#ifndef SLUICE_POOLED_FRAMES
#define SLUICE_POOLED_FRAMES 1
#endif

namespace sluice {
namespace {

constexpr std::size_t kClassBytes = 64;
constexpr std::size_t kClassCount = kFrameBytesMax / kClassBytes;

struct FreeFrameNode {
  FreeFrameNode* next;
};

struct FramePool {
  std::array<FreeFrameNode*, kClassCount> free{};

  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool() {
    for (FreeFrameNode* node : free) {
      while (node != nullptr) {
        FreeFrameNode* next = node->next;
        ::operator delete(node);
        node = next;
      }
    }
  }
};

FramePool& ThreadPool() {
  static thread_local FramePool pool;
  return pool;
}

constexpr std::size_t ClassOf(std::size_t bytes) {
  return (bytes - 1) / kClassBytes;
}

}  // namespace

void* AllocateFrame(std::size_t bytes) {
  if (SLUICE_POOLED_FRAMES == 0 || bytes > kFrameBytesMax) return ::operator new(bytes);
  const std::size_t size_class = ClassOf(bytes);
  FreeFrameNode*& head = ThreadPool().free[size_class];
  if (head == nullptr) return ::operator new((size_class + 1) * kClassBytes);
  FreeFrameNode* node = head;
  head = node->next;
  return node;
}

void FreeFrame(void* frame, std::size_t bytes) noexcept {
  if (SLUICE_POOLED_FRAMES == 0 || bytes > kFrameBytesMax) {
    ::operator delete(frame);
    return;
  }
  FreeFrameNode*& head = ThreadPool().free[ClassOf(bytes)];
  auto* node = static_cast<FreeFrameNode*>(frame);
  node->next = head;
  head = node;
}

}  // namespace sluice
