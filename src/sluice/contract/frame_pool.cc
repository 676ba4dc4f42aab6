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

// Constant-initialized and trivially destroyed, so that reaching it asks no guard; a frame is taken
// and given back a dozen times a request.
constinit thread_local std::array<FreeFrameNode*, kClassCount> free_frames{};

// Gives a thread's frames back when it ends.
struct ThreadEnd {
  ThreadEnd() = default;
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    for (FreeFrameNode*& node : free_frames) {
      while (node != nullptr) {
        FreeFrameNode* next = node->next;
        ::operator delete(node);
        node = next;
      }
    }
  }
};

// Every frame of the pool was allocated here once.
void* AllocateAnew(std::size_t bytes) {
  static thread_local ThreadEnd end;
  return ::operator new(bytes);
}

constexpr std::size_t ClassOf(std::size_t bytes) {
  return (bytes - 1) / kClassBytes;
}

}  // namespace

void* AllocateFrame(std::size_t bytes) {
  if (SLUICE_POOLED_FRAMES == 0 || bytes > kFrameBytesMax) return ::operator new(bytes);
  const std::size_t size_class = ClassOf(bytes);
  FreeFrameNode*& head = free_frames[size_class];
  if (head == nullptr) return AllocateAnew((size_class + 1) * kClassBytes);
  FreeFrameNode* node = head;
  head = node->next;
  return node;
}

void FreeFrame(void* frame, std::size_t bytes) noexcept {
  if (SLUICE_POOLED_FRAMES == 0 || bytes > kFrameBytesMax) {
    ::operator delete(frame);
    return;
  }
  FreeFrameNode*& head = free_frames[ClassOf(bytes)];
  auto* node = static_cast<FreeFrameNode*>(frame);
  node->next = head;
  head = node;
}

}  // namespace sluice
