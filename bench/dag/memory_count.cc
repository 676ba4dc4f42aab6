#include "bench/dag/memory_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::uint64_t> allocations{0};
std::atomic<std::int64_t> live_bytes{0};

void* Counted(void* memory) {
  if (memory == nullptr) std::abort();
  allocations.fetch_add(1, std::memory_order_relaxed);
  live_bytes.fetch_add(static_cast<std::int64_t>(::malloc_usable_size(memory)),
                       std::memory_order_relaxed);
  return memory;
}

void Forget(void* memory) {
  if (memory == nullptr) return;
  live_bytes.fetch_sub(static_cast<std::int64_t>(::malloc_usable_size(memory)),
                       std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return Counted(std::malloc(bytes));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t align) {
  const auto unit = static_cast<std::size_t>(align);
  return Counted(std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  Forget(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  Forget(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  Forget(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  Forget(memory);
}

namespace dag_bench {

MemoryCount CountMemory() {
  return {allocations.load(std::memory_order_relaxed), live_bytes.load(std::memory_order_relaxed)};
}

}  // namespace dag_bench
