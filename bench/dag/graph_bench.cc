// B1 to B5 and B10: what a node costs the engine when its body costs nothing, what building a plan
// and beginning a run cost, and cancelling one. Beside oneTBB's flow graph with the lightweight
// policy, its cheapest.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/dag/drafts.h"
#include "bench/dag/memory_count.h"
#include "bench/dag/shapes.h"
#include <benchmark/benchmark.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>

#include "sluice/dag/runner.h"
#include "sluice/platform/linux/loop.h"

namespace dag_bench {
namespace {

namespace dag = sluice::dag;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): one program.

Shape ShapeOf(std::int64_t kind) {
  if (kind == 0) return Chain(1000);
  if (kind == 1) return Fan(1000);
  return Layered(10'000);
}

void PerNode(benchmark::State& state, std::size_t nodes, std::uint64_t allocations) {
  const auto runs = static_cast<double>(state.iterations());
  state.counters["per_node"] = benchmark::Counter(
      runs * static_cast<double>(nodes), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["allocs/run"] = static_cast<double>(allocations) / runs;
}

// Runs `body` as a turn of a real loop.
void OnLoop(const std::function<void(sluice::Loop&)>& body) {
  const auto loop = *sluice::platform::EpollLoop::Create();
  loop->Enter([&] { body(*loop); });
}

void RerunSluice(benchmark::State& state, dag::Fusion fusion) {
  OnLoop([&](sluice::Loop& loop) {
    const Shape shape = ShapeOf(state.range(0));
    const PlanPointer plan = PlanOf(shape, [] {}, {}, {.fusion = fusion});
    dag::RunnerState runner(loop, plan, {});
    RunOnce(runner, {});
    const std::uint64_t before = CountMemory().allocations;
    for (auto _ : state)
      RunOnce(runner, {});
    PerNode(state, shape.size(), CountMemory().allocations - before);
  });
}

void BM_RerunEmpty_sluice_counted(benchmark::State& state) {
  RerunSluice(state, dag::Fusion::kNone);
}
void BM_RerunEmpty_sluice_swept(benchmark::State& state) {
  RerunSluice(state, dag::Fusion::kFuse);
}

dag::Work<void> Nothing(dag::Context& /*context*/) {
  co_return;
}

void BM_RerunEmpty_sluice_coroutines(benchmark::State& state) {
  OnLoop([&](sluice::Loop& loop) {
    const Shape shape = ShapeOf(state.range(0));
    dag::RunnerState runner(loop, PlanOf(shape, &Nothing), {});
    RunOnce(runner, {});
    const std::uint64_t before = CountMemory().allocations;
    for (auto _ : state)
      RunOnce(runner, {});
    PerNode(state, shape.size(), CountMemory().allocations - before);
  });
}

namespace flow = oneapi::tbb::flow;
using FlowNode = flow::continue_node<flow::continue_msg, flow::lightweight>;

struct FlowGraph {
  explicit FlowGraph(const Shape& shape) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      nodes.push_back(std::make_unique<FlowNode>(
          graph, [](const flow::continue_msg&) noexcept { return flow::continue_msg(); }));
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i].empty()) flow::make_edge(start, *nodes[i]);
      for (const std::uint16_t input : shape[i])
        flow::make_edge(*nodes[input], *nodes[i]);
    }
  }
  void Run() {
    start.try_put(flow::continue_msg());
    graph.wait_for_all();
  }
  flow::graph graph;
  flow::broadcast_node<flow::continue_msg> start{graph};
  std::vector<std::unique_ptr<FlowNode>> nodes;
};

void BM_RerunEmpty_tbb_lightweight(benchmark::State& state) {
  const oneapi::tbb::global_control one(oneapi::tbb::global_control::max_allowed_parallelism, 1);
  const Shape shape = ShapeOf(state.range(0));
  FlowGraph graph(shape);
  graph.Run();
  const std::uint64_t before = CountMemory().allocations;
  for (auto _ : state)
    graph.Run();
  PerNode(state, shape.size(), CountMemory().allocations - before);
}

// Typed, with names and all checks. 10'000 nodes in layers of 100, three inputs each.
void BM_PlanBuild_sluice(benchmark::State& state) {
  constexpr std::size_t kNodes = 10'000;
  const auto join = [](int x, int y, int z) { return x + y + z; };
  for (auto _ : state) {
    dag::Builder<int> b("build");
    std::vector<dag::Output<int>> above;
    std::vector<dag::Output<int>> row;
    for (std::size_t i = 0; i < kNodes; ++i) {
      if (i % 100 == 0) above = std::exchange(row, {});
      const std::string name = fmt::format("node-{}", i);
      if (above.empty()) {
        row.push_back(b.Node(name, [](int x) { return x; }, b.input()));
      } else {
        row.push_back(
            b.Node(name, join, above[i % 100], above[(i + 1) % 100], above[(i + 37) % 100]));
      }
      b.Effect(row.back());
    }
    auto plan = std::move(b).Build(row.back());
    benchmark::DoNotOptimize(plan);
  }
  PerNode(state, kNodes, 0);
}

void BM_PlanBuild_tbb(benchmark::State& state) {
  const Shape shape = Layered(10'000);
  for (auto _ : state)
    FlowGraph graph(shape);
  PerNode(state, shape.size(), 0);
}

int Add(int x, int y) {
  return x + y;
}
int Next(int x) {
  return x + 1;
}

dag::PlanResult<dag::Plan<int, int>> TypedCheckout() {
  dag::Builder<int> b("checkout");
  const auto auth = b.Node("auth", &Next, b.input());
  const auto user = b.Node("user", &Next, auth);
  const auto cart = b.Node("cart", &Next, auth);
  const auto inventory = b.Node("inventory", &Next, cart);
  const auto risk = b.Node("risk", &Add, user, cart);
  const auto offers = b.Node("offers", &Next, user);
  const auto price = b.Node("price", &Add, cart, offers);
  const auto tax = b.Node("tax", &Add, user, cart);
  const auto shipping = b.Node("shipping", &Next, inventory);
  const auto total =
      b.Node("total", [](int x, int y, int z) { return x + y + z; }, price, tax, shipping);
  const auto charge = b.Node("charge", &Add, total, risk);
  return std::move(b).Build(b.Node("receipt", &Next, charge));
}

void BM_NewRun_checkout(benchmark::State& state) {
  OnLoop([&](sluice::Loop& loop) {
    const auto plan = TypedCheckout();
    dag::Runner<int, int> runner(loop, *plan);
    const std::uint64_t before = CountMemory().allocations;
    for (auto _ : state) {
      dag::Outcome<int> outcome = runner.Run(1).TakeOutcome();
      benchmark::DoNotOptimize(*outcome);
    }
    PerNode(state, 1, CountMemory().allocations - before);
  });
}

// A run of 12 nodes with four of them asleep is cancelled; the stopped bodies end in the same turn.
void BM_Cancel_checkout(benchmark::State& state) {
  const auto loop = *sluice::platform::EpollLoop::Create();
  Shape shape = Checkout();
  for (std::size_t i = 1; i < 4; ++i)
    shape[i] = {};  // Four begin at once.
  const PlanPointer plan = PlanOf(shape,
                                  [](dag::Context& context) -> dag::Work<void> {
                                    static_cast<void>(co_await context.SleepFor(1h));
                                  },
                                  {.timeout = 2h});
  dag::RunnerState runner(*loop, plan, {});
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<dag::RunBlock*> runs;
    loop->Enter([&] {
      for (int i = 0; i < 100; ++i) {
        runs.push_back(&runner.Allocate({}));
        runner.Launch(*runs.back());
      }
    });
    state.ResumeTiming();
    loop->Enter([&] {
      for (dag::RunBlock* run : runs)
        run->LetGo();
    });
  }
  state.counters["per_run"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * 100,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("shape")->Arg(0)->Arg(1)->Arg(2);
}

BENCHMARK(BM_RerunEmpty_sluice_counted)->Apply(&Shapes);
BENCHMARK(BM_RerunEmpty_sluice_swept)->Apply(&Shapes);
BENCHMARK(BM_RerunEmpty_sluice_coroutines)->Apply(&Shapes);
BENCHMARK(BM_RerunEmpty_tbb_lightweight)->Apply(&Shapes);
BENCHMARK(BM_PlanBuild_sluice);
BENCHMARK(BM_PlanBuild_tbb);
BENCHMARK(BM_NewRun_checkout);
BENCHMARK(BM_Cancel_checkout);

}  // namespace
}  // namespace dag_bench
