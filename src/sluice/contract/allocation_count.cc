#include "sluice/contract/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

constinit std::atomic<std::uint64_t> all{0};
constinit thread_local std::uint64_t of_this_thread = 0;

void* Counted(void* memory) {
  if (memory == nullptr) std::abort();
  all.fetch_add(1, std::memory_order_relaxed);
  ++of_this_thread;
  return memory;
}

}  // namespace

// Not inlined: g++ would warn of a free() that meets its own operator new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return Counted(std::malloc(bytes));
}
[[gnu::noinline]] void* operator new[](std::size_t bytes) {
  return Counted(std::malloc(bytes));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t align) {
  const auto unit = static_cast<std::size_t>(align);
  return Counted(std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t /*align*/) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory,
                                       std::size_t /*bytes*/,
                                       std::align_val_t /*align*/) noexcept {
  std::free(memory);
}

namespace sluice {

std::uint64_t AllocationCount() {
  return all.load(std::memory_order_relaxed);
}

std::uint64_t ThreadAllocationCount() {
  return of_this_thread;
}

}  // namespace sluice
