// What a run allocates: its block once, and nothing when the pools are warm.

#include "sluice/contract/allocation_count.h"
#include "sluice/dag/dag_fixture.h"
#include "sluice/platform/linux/loop.h"

namespace sluice::dag {
namespace {

TEST(DagAllocation, ARunOfPlainFunctionsAllocatesItsBlockOnceAndThenNothing) {
  Builder<int> b("plain");
  const auto x = b.Node("x", [](int value) { return value + 1; }, b.input());
  const auto y = b.Node("y", [](int value) { return value * 2; }, x);
  const auto plan = std::move(b).Build(y);
  const auto loop = *platform::EpollLoop::Create();
  loop->Enter([&] {
    Runner<int, int> runner(*loop, *plan);
    std::uint64_t before = AllocationCount();
    {
      Outcome<int> first = runner.Run(3).TakeOutcome();
      EXPECT_EQ(*first, 8);
      EXPECT_EQ(AllocationCount() - before, 1U);
    }
    static_cast<void>(runner.Run(3));
    before = AllocationCount();
    for (int i = 0; i < 100; ++i) {
      Outcome<int> outcome = runner.Run(i).TakeOutcome();
      EXPECT_EQ(*outcome, (i + 1) * 2);
    }
    EXPECT_EQ(AllocationCount() - before, 0U);
  });
}

Work<int> Sleepy(Context& context, const int& value) {
  static_cast<void>(co_await context.SleepFor(1us));
  co_return value + 1;
}

TEST(DagAllocation, ARunOfCoroutinesWithEveryPolicyAllocatesNothingWhenWarm) {
  if (!kFramesArePooled) GTEST_SKIP() << "frames are not pooled under AddressSanitizer";
  Builder<int> b("calls");
  const auto x = b.Node("x", {.timeout = 1h}, &Sleepy, b.input());
  const auto y = b.Node("y",
                        {.timeout = 1h,
                         .attempt_timeout = 1h,
                         .retry = {.max_attempts = 2},
                         .hedge_after = 1h,
                         .idempotent = true},
                        &Sleepy, x);
  const auto z = b.Optional("z", &Sleepy, y);
  const auto plan = std::move(b).Build(z);
  const auto loop = *platform::EpollLoop::Create();
  Runner<int, std::optional<int>> runner(*loop, *plan);
  const auto run = [&] {
    std::optional<Running<std::optional<int>>> running;
    loop->Enter([&] { running.emplace(runner.Run(1, {.deadline = loop->now() + 1h})); });
    while (!running->has_ended())
      loop->RunOnce(1ms);
    loop->Enter([&] { running.reset(); });
  };
  run();
  run();
  const std::uint64_t before = AllocationCount();
  for (int i = 0; i < 20; ++i)
    run();
  // The std::function of Enter(), four a run at most.
  EXPECT_LE(AllocationCount() - before, 20U * 4U);
  EXPECT_EQ(runner.counts().succeeded.value(), 22U);
}

}  // namespace
}  // namespace sluice::dag
