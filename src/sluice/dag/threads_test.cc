// D23: one plan on two real loops at once, and a real pool. Run under ThreadSanitizer as well.

#include <future>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/task_group.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/runner.h"
#include "sluice/platform/linux/loop_thread.h"
#include "sluice/platform/linux/worker_pool.h"

namespace sluice::dag {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): tests only.

constexpr int kRunsPerLoop = 10'000;
constexpr int kInFlight = 200;

Work<int> Later(Context& context, const int& value) {
  static_cast<void>(co_await context.SleepFor(Nanos(100'000 + value % 7 * 10'000)));
  co_return value + 1;
}

PlanResult<Plan<int, int>> MakePlan(WorkerPool& pool) {
  Builder<int> b("shared");
  const auto left = b.Node("left", {.timeout = 10s}, &Later, b.input());
  const auto right = b.Node("right", &Later, b.input());
  const auto text = b.Node("text", [](int value) { return std::to_string(value); }, left);
  const auto size = b.Blocking(
      "size", {.timeout = 10s}, pool, [](const std::string& digits) { return std::stoi(digits); },
      text);
  const auto sum =
      b.Node("sum", [](int x, int y, int z) { return x + y * 2 + z; }, size, right, b.input());
  return std::move(b).Build(sum);
}

constexpr int Expected(int value) {
  return (value + 1) + (value + 1) * 2 + value;
}

// Keeps a number of runs in flight on one loop; each ended one begins the next.
class Load {
 public:
  Load(Loop& loop, const Plan<int, int>& plan, int first) : runner_(loop, plan), next_(first) {}

  void Begin() {
    end_ = next_ + kRunsPerLoop;
    for (int i = 0; i < kInFlight; ++i)
      tasks_.Spawn(Chain());
  }
  [[nodiscard]] std::future<int> wrong() { return done_.get_future(); }

 private:
  Task<void> Chain() {
    while (next_ < end_) {
      const int input = next_++;
      Running<int> running = runner_.Run(input);
      Outcome<int> outcome = co_await running;
      if (!outcome || *outcome != Expected(input)) ++wrong_;
    }
    if (++ended_ == kInFlight) done_.set_value(wrong_);
  }

  Runner<int, int> runner_;
  TaskGroup tasks_;
  int next_;
  int end_ = 0;
  int wrong_ = 0;
  int ended_ = 0;
  std::promise<int> done_;
};

TEST(DagScenario, D23_OnePlanOnTwoLoopsKeepsRunsApart) {
  const auto pool = *platform::WorkerPool::Start({.workers = 2, .queue_max = 4 * kInFlight});
  const auto plan = MakePlan(*pool);
  ASSERT_TRUE(plan);
  const auto one = *platform::LoopThread::Start();
  const auto two = *platform::LoopThread::Start();
  std::vector<std::unique_ptr<Load>> loads;
  std::vector<std::future<int>> wrong;
  for (const auto* thread : {&one, &two}) {
    Loop& loop = (*thread)->loop();
    loads.push_back(std::make_unique<Load>(loop, *plan, thread == &one ? 0 : 1'000'000));
    wrong.push_back(loads.back()->wrong());
    loop.Post([load = loads.back().get()] { load->Begin(); });
  }
  for (std::future<int>& count : wrong)
    EXPECT_EQ(count.get(), 0);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    std::promise<void> gone;
    Loop& loop = (i == 0 ? one : two)->loop();
    loop.Post([&] {
      loads[i].reset();
      gone.set_value();
    });
    gone.get_future().wait();
  }
}

}  // namespace
}  // namespace sluice::dag
