// No decision and no outcome allocates, in any state.

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "sluice/breaker/acquire_all.h"
#include "sluice/breaker/breaker.h"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

// Replaces the operators of this test program, to count. Not inlined: g++ would warn of a free()
// that meets its own operator new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1s};

TEST(Allocation, CallsThroughAllStatesAllocateNothing) {
  for (const WindowType type : {WindowType::kTime, WindowType::kCount}) {
    const auto breaker =
        *Breaker::Create({.name = "pay", .sliding_window = {.type = type}}, 3, kStart);
    const std::size_t before = allocations.load();
    for (int call = 0; call < 5'000; ++call) {
      const SteadyTime now = kStart + call * 10ms;
      Guard* const guards[] = {breaker.get()};
      Permit permits[1];
      if (!AcquireAll(guards, {}, now, permits).admitted) continue;
      const bool failed = call / 1'000 % 2 == 0;
      permits[0].Settle({.verdict = failed ? Verdict::kFailure : Verdict::kSuccess}, now);
    }
    EXPECT_EQ(allocations.load(), before);
    const BreakerTotals totals = breaker->Snapshot(kStart + 50s);
    EXPECT_GT(totals.not_permitted_total, 0U);
    EXPECT_GT(totals.successes_total, 0U);
  }
}

}  // namespace
}  // namespace sluice::breaker
