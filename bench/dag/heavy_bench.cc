// B9: nodes that compute for a microsecond, 50 layers of 40, on two threads: the loop and one of a
// pool, or two of oneTBB's. `efficiency` is half of what one thread takes, over the time taken; the
// budget is 0.9. `cpu_ns/node` is of both threads and says on a busy machine, too, what sharing
// costs beside the microsecond. And a fan of empty compute nodes, which must not pay for threads it
// cannot use.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "bench/dag/drafts.h"
#include "bench/dag/shapes.h"
#include <benchmark/benchmark.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <time.h>

#include "sluice/contract/task_group.h"
#include "sluice/dag/run.h"
#include "sluice/platform/linux/loop_thread.h"
#include "sluice/platform/linux/worker_pool.h"

namespace dag_bench {
namespace {

namespace dag = sluice::dag;

constexpr std::size_t kNodes = 2'000;
constexpr std::size_t kWidth = 40;
constexpr int kBatch = 20;  // Runs between two looks at the clock.

void Spin(int rounds) {
  std::uint32_t state = 1;
  for (int i = 0; i < rounds; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    benchmark::DoNotOptimize(state);
  }
}

double ProcessSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Of a benchmark's measured parts.
struct Spent {
  double wall = 0;
  double processor = 0;
};

double SecondsOf(const std::function<void()>& work) {
  const auto before = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

void Spend(Spent& spent, const std::function<void()>& work) {
  const double before = ProcessSeconds();
  spent.wall += SecondsOf(work);
  spent.processor += ProcessSeconds() - before;
}

// Rounds of Spin() that take a microsecond on one undisturbed core.
int RoundsOfOneMicrosecond() {
  static const int rounds = [] {
    constexpr int kProbe = 100'000;
    double best = 1;
    for (int i = 0; i < 20; ++i)
      best = std::min(best, SecondsOf([] { Spin(kProbe); }));
    return static_cast<int>(kProbe * 1e-6 / best);
  }();
  return rounds;
}

void ReportEfficiency(benchmark::State& state, const Spent& spent) {
  const double runs = static_cast<double>(state.iterations());
  const int rounds = RoundsOfOneMicrosecond();
  double alone = 1;
  for (int i = 0; i < 5; ++i) {
    alone = std::min(alone, SecondsOf([&] {
                       for (std::size_t node = 0; node < kNodes; ++node)
                         Spin(rounds);
                     }));
  }
  state.counters["ns/node"] = spent.wall * 1e9 / (runs * kNodes);
  state.counters["cpu_ns/node"] = spent.processor * 1e9 / (runs * kNodes);
  state.counters["efficiency"] = alone / 2 / (spent.wall / runs);
}

sluice::Task<void> RunMany(dag::RunnerState& runner, int runs) {
  for (int i = 0; i < runs; ++i) {
    dag::RunBlock& run = runner.Allocate({});
    dag::Running<dag::Done> running(run, 0);
    runner.Launch(run);
    static_cast<void>(co_await running);
  }
}

sluice::Task<void> RunManyAndTell(dag::RunnerState& runner, int runs, std::promise<void>& done) {
  co_await RunMany(runner, runs);
  done.set_value();
}

sluice::Task<void> DrainAndTell(dag::RunnerState& runner, std::promise<void>& done) {
  runner.Close();
  const dag::RunnerState::DrainAwaiter drained{runner};
  co_await drained;
  done.set_value();
}

// Runs a plan on the thread of a loop, many times at a go.
class OnThread {
 public:
  explicit OnThread(const PlanPointer& plan, const dag::RunnerOptions& options = {})
      : thread_(*sluice::platform::LoopThread::Start()) {
    Do([&](std::promise<void>& done) {
      runner_ = std::make_unique<dag::RunnerState>(thread_->loop(), plan, options);
      tasks_ = std::make_unique<sluice::TaskGroup>();
      done.set_value();
    });
    Run(20);  // Learns what the nodes cost.
  }
  OnThread(const OnThread&) = delete;
  OnThread& operator=(const OnThread&) = delete;
  ~OnThread() {
    Do([&](std::promise<void>& done) { tasks_->Spawn(DrainAndTell(*runner_, done)); });
    Do([&](std::promise<void>& done) {
      tasks_.reset();
      runner_.reset();
      done.set_value();
    });
  }
  void Run(int runs) {
    Do([&](std::promise<void>& done) { tasks_->Spawn(RunManyAndTell(*runner_, runs, done)); });
  }

 private:
  void Do(const std::function<void(std::promise<void>&)>& work) {
    std::promise<void> done;
    thread_->loop().Post([&] { work(done); });
    done.get_future().wait();
  }

  std::unique_ptr<sluice::platform::LoopThread> thread_;
  std::unique_ptr<dag::RunnerState> runner_;
  std::unique_ptr<sluice::TaskGroup> tasks_;
};

void HeavySluice(benchmark::State& state, sluice::Nanos wake_above) {
  const auto pool = *sluice::platform::WorkerPool::Start({.workers = 1, .queue_max = kNodes});
  const int rounds = RoundsOfOneMicrosecond();
  OnThread runs(ComputePlanOf(Layered(kNodes, kWidth), *pool, [rounds] { Spin(rounds); }),
                {.compute = {.wake_above = wake_above}});
  Spent spent;
  while (state.KeepRunningBatch(kBatch))
    Spend(spent, [&] { runs.Run(kBatch); });
  ReportEfficiency(state, spent);
}

void BM_HeavyNodes_sluice_compute(benchmark::State& state) {
  HeavySluice(state, dag::ComputeOptions().wake_above);
}
// What being ready to share costs a loop that nobody helps.
void BM_HeavyNodes_sluice_unhelped(benchmark::State& state) {
  HeavySluice(state, std::chrono::hours(1));
}

void BM_HeavyNodes_sluice_alone(benchmark::State& state) {
  const int rounds = RoundsOfOneMicrosecond();
  OnThread runs(PlanOf(Layered(kNodes, kWidth), [rounds] { Spin(rounds); }));
  Spent spent;
  while (state.KeepRunningBatch(kBatch))
    Spend(spent, [&] { runs.Run(kBatch); });
  ReportEfficiency(state, spent);
}

namespace flow = oneapi::tbb::flow;

template <typename Node>
void HeavyTbb(benchmark::State& state) {
  const oneapi::tbb::global_control two(oneapi::tbb::global_control::max_allowed_parallelism, 2);
  const int rounds = RoundsOfOneMicrosecond();
  const Shape shape = Layered(kNodes, kWidth);
  flow::graph graph;
  flow::broadcast_node<flow::continue_msg> start{graph};
  std::vector<std::unique_ptr<Node>> nodes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    nodes.push_back(std::make_unique<Node>(graph, [rounds](const flow::continue_msg&) noexcept {
      Spin(rounds);
      return flow::continue_msg();
    }));
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].empty()) flow::make_edge(start, *nodes[i]);
    for (const std::uint16_t input : shape[i])
      flow::make_edge(*nodes[input], *nodes[i]);
  }
  Spent spent;
  while (state.KeepRunningBatch(kBatch)) {
    Spend(spent, [&] {
      for (int i = 0; i < kBatch; ++i) {
        start.try_put(flow::continue_msg());
        graph.wait_for_all();
      }
    });
  }
  ReportEfficiency(state, spent);
}
void BM_HeavyNodes_tbb(benchmark::State& state) {
  HeavyTbb<flow::continue_node<flow::continue_msg>>(state);
}
void BM_HeavyNodes_tbb_lightweight(benchmark::State& state) {
  HeavyTbb<flow::continue_node<flow::continue_msg, flow::lightweight>>(state);
}

void BM_EmptyComputeFan_sluice(benchmark::State& state) {
  const auto pool = *sluice::platform::WorkerPool::Start({.workers = 1, .queue_max = kNodes});
  OnThread runs(ComputePlanOf(Fan(1'000), *pool, [] {}));
  double wall = 0;
  while (state.KeepRunningBatch(kBatch))
    wall += SecondsOf([&] { runs.Run(kBatch); });
  state.counters["ns/node"] = wall * 1e9 / (static_cast<double>(state.iterations()) * 1'000);
}

BENCHMARK(BM_HeavyNodes_sluice_compute)->UseRealTime();
BENCHMARK(BM_HeavyNodes_sluice_unhelped)->UseRealTime();
BENCHMARK(BM_HeavyNodes_sluice_alone)->UseRealTime();
BENCHMARK(BM_HeavyNodes_tbb)->UseRealTime();
BENCHMARK(BM_HeavyNodes_tbb_lightweight)->UseRealTime();
BENCHMARK(BM_EmptyComputeFan_sluice)->UseRealTime();

}  // namespace
}  // namespace dag_bench
