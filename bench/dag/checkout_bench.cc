// B6 to B8: 10'000 checkouts in flight, every one of 12 calls that take a millisecond of a timer.
// Two loops, or two io_contexts of Boost.Asio with hand-written counters and steady_timers.
//
// A closed loop: each run that ends begins the next, so no engine can do more than 10'000 per 7 ms.
// What counts is processor time a run, of all threads.

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "bench/dag/drafts.h"
#include "bench/dag/memory_count.h"
#include "bench/dag/shapes.h"
#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <time.h>

#include "sluice/dag/run.h"
#include "sluice/platform/linux/loop_thread.h"

namespace dag_bench {
namespace {

namespace dag = sluice::dag;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): one program.

constexpr int kInFlight = 10'000;
constexpr int kThreads = 2;

double ProcessSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Keeps runs in flight on one loop: the observer of an ended run begins another.
class SluiceLoad final : public dag::RunObserver {
 public:
  SluiceLoad(sluice::Loop& loop, const PlanPointer& plan, dag::Tracing tracing)
      : loop_(loop), runner_(loop, plan, {.pooled_max = kInFlight}) {
    options_.tracing = tracing;
    options_.observer = this;
  }

  void Begin(int runs, std::promise<void>& done) {
    left_ = runs;
    to_end_ = runs;
    done_ = &done;
    for (int i = 0; i < kInFlight / kThreads; ++i)
      BeginOne();
  }
  void OnEnded(const dag::RunView& /*run*/) override {
    if (--to_end_ == 0) return done_->set_value();
    // Not from within the end of another: its block is not free yet.
    if (left_ > 0) BeginOne();
  }

 private:
  void BeginOne() {
    --left_;
    options_.deadline = loop_.now() + 10s;
    dag::RunBlock& run = runner_.Allocate(options_);
    runner_.Launch(run);
    run.Detach();
  }

  sluice::Loop& loop_;
  dag::RunnerState runner_;
  dag::RunOptions options_;
  int left_ = 0;
  int to_end_ = 0;
  std::promise<void>* done_ = nullptr;
};

dag::Work<void> OneMillisecond(dag::Context& context) {
  static_cast<void>(co_await context.SleepFor(1ms));
}

void Report(benchmark::State& state, double cpu_seconds, double wall_seconds, double bytes) {
  const double runs =
      static_cast<double>(state.iterations()) * kThreads * static_cast<double>(state.range(0));
  state.counters["cpu_us/run"] = cpu_seconds * 1e6 / runs;
  state.counters["runs/s"] = runs / wall_seconds;
  state.counters["bytes/run"] = bytes / kInFlight;
}

template <typename Body>
void Measure(benchmark::State& state, const Body& once, const std::function<double()>& bytes) {
  double cpu = 0;
  double wall = 0;
  for (auto _ : state) {
    const double cpu_before = ProcessSeconds();
    const auto before = std::chrono::steady_clock::now();
    once();
    wall += std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    cpu += ProcessSeconds() - cpu_before;
  }
  Report(state, cpu, wall, bytes());
}

void CheckoutSluice(benchmark::State& state, dag::Tracing tracing) {
  const std::int64_t bytes_before = CountMemory().live_bytes;
  std::int64_t bytes_in_flight = 0;
  {
    const PlanPointer plan = PlanOf(Checkout(), &OneMillisecond, {.timeout = 1s});
    std::vector<std::unique_ptr<sluice::platform::LoopThread>> threads;
    std::vector<std::unique_ptr<SluiceLoad>> loads;
    for (int i = 0; i < kThreads; ++i) {
      threads.push_back(*sluice::platform::LoopThread::Start());
      loads.push_back(std::make_unique<SluiceLoad>(threads.back()->loop(), plan, tracing));
    }
    const int runs = static_cast<int>(state.range(0));
    const auto once = [&] {
      std::vector<std::promise<void>> done(kThreads);
      for (int i = 0; i < kThreads; ++i) {
        const auto at = static_cast<std::size_t>(i);
        threads[at]->loop().Post([&, at] { loads[at]->Begin(runs, done[at]); });
      }
      for (std::promise<void>& end : done)
        end.get_future().wait();
    };
    // Everything that was in flight at once stays in the pools, so it can be counted afterwards.
    Measure(state, once, [&] {
      bytes_in_flight = CountMemory().live_bytes - bytes_before;
      return static_cast<double>(bytes_in_flight);
    });
    for (std::size_t i = 0; i < loads.size(); ++i) {
      std::promise<void> gone;
      threads[i]->loop().Post([&] {
        loads[i].reset();
        gone.set_value();
      });
      gone.get_future().wait();
    }
  }
}

void BM_Checkout_sluice(benchmark::State& state) {
  CheckoutSluice(state, dag::Tracing::kOff);
}
void BM_Checkout_sluice_traced(benchmark::State& state) {
  CheckoutSluice(state, dag::Tracing::kOn);
}

class AsioLoad;

// A checkout by hand: a counter and a timer for each node.
struct AsioRun {
  explicit AsioRun(AsioLoad& its_load, boost::asio::io_context& io);
  void Begin();
  void Start(std::size_t node);
  void Ended(std::size_t node);

  AsioLoad& load;
  std::vector<std::uint16_t> waits;
  std::vector<boost::asio::steady_timer> timers;
};

class AsioLoad {
 public:
  AsioLoad() {
    const Shape shape = Checkout();
    readers.resize(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      waits.push_back(static_cast<std::uint16_t>(shape[i].size()));
      for (const std::uint16_t input : shape[i]) {
        readers[input].push_back(static_cast<std::uint16_t>(i));
      }
    }
  }

  void Work(int count) {
    left_ = count;
    peak_ = count / 2;
    io.restart();
    for (int i = 0; i < kInFlight / kThreads; ++i)
      BeginOne();
    io.run();
  }
  void Ended(AsioRun* run) {
    delete run;
    if (left_ > 0) BeginOne();
  }
  std::int64_t bytes_at_peak = 0;

  boost::asio::io_context io{1};
  std::vector<std::uint16_t> waits;
  std::vector<std::vector<std::uint16_t>> readers;

 private:
  void BeginOne() {
    --left_;
    (new AsioRun(*this, io))->Begin();
    if (left_ == peak_) bytes_at_peak = CountMemory().live_bytes;
  }

  int left_ = 0;
  int peak_ = 0;  // When that many are left, all places are taken.
};

AsioRun::AsioRun(AsioLoad& its_load, boost::asio::io_context& io)
    : load(its_load), waits(its_load.waits) {
  timers.reserve(waits.size());
  for (std::size_t i = 0; i < waits.size(); ++i)
    timers.emplace_back(io);
}

void AsioRun::Begin() {
  Start(0);
}
void AsioRun::Start(std::size_t node) {
  timers[node].expires_after(1ms);
  timers[node].async_wait([this, node](const boost::system::error_code&) { Ended(node); });
}
void AsioRun::Ended(std::size_t node) {
  if (node + 1 == waits.size()) return load.Ended(this);
  for (const std::uint16_t reader : load.readers[node]) {
    if (--waits[reader] == 0) Start(reader);
  }
}

void BM_Checkout_asio(benchmark::State& state) {
  const std::int64_t before = CountMemory().live_bytes;
  std::vector<std::unique_ptr<AsioLoad>> loads;
  for (int i = 0; i < kThreads; ++i)
    loads.push_back(std::make_unique<AsioLoad>());
  const auto once = [&] {
    std::vector<std::jthread> threads;
    for (const auto& load : loads)
      threads.emplace_back([&] { load->Work(static_cast<int>(state.range(0))); });
  };
  Measure(state, once, [&] { return static_cast<double>(loads.back()->bytes_at_peak - before); });
}

// The small number is for the tests, which only see that it runs.
void Runs(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("runs")->Arg(6'000)->Arg(100'000)->UseRealTime();
  benchmark->Unit(benchmark::kMillisecond)->Iterations(1);
}

BENCHMARK(BM_Checkout_sluice)->Apply(&Runs);
BENCHMARK(BM_Checkout_sluice_traced)->Apply(&Runs);
BENCHMARK(BM_Checkout_asio)->Apply(&Runs);

}  // namespace
}  // namespace dag_bench
