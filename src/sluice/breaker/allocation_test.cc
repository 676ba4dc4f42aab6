// No decision and no outcome allocates, in any state.

#include <chrono>

#include <gtest/gtest.h>

#include "sluice/breaker/acquire_all.h"
#include "sluice/breaker/breaker.h"
#include "sluice/contract/allocation_count.h"

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1s};

TEST(Allocation, CallsThroughAllStatesAllocateNothing) {
  for (const WindowType type : {WindowType::kTime, WindowType::kCount}) {
    const auto breaker =
        *Breaker::Create({.name = "pay", .sliding_window = {.type = type}}, 3, kStart);
    const std::uint64_t before = AllocationCount();
    for (int call = 0; call < 5'000; ++call) {
      const SteadyTime now = kStart + call * 10ms;
      Guard* const guards[] = {breaker.get()};
      Permit permits[1];
      if (!AcquireAll(guards, {}, now, permits).admitted) continue;
      const bool failed = call / 1'000 % 2 == 0;
      permits[0].Settle({.verdict = failed ? Verdict::kFailure : Verdict::kSuccess}, now);
    }
    EXPECT_EQ(AllocationCount(), before);
    const BreakerTotals totals = breaker->Snapshot(kStart + 50s);
    EXPECT_GT(totals.not_permitted_total, 0U);
    EXPECT_GT(totals.successes_total, 0U);
  }
}

}  // namespace
}  // namespace sluice::breaker
