// B6 to B8: 10'000 checkouts in flight, every one of 12 calls that take a millisecond of a timer.
// Two loops, or two io_contexts of Boost.Asio with a state machine by hand. Its calls wait on
// steady_timers, alone, with a timeout of a steady_timer for each as ours have, or with a timeout
// on the wheel that our loops use; or everything is on that wheel, and what it fires goes to the
// io_context as a handler, as Asio would have it, or is called at once.
//
// A closed loop: each run that ends begins the next, so no engine can do more than 10'000 per 7 ms.
// What counts is processor time a run, of all threads.

#include <array>
#include <chrono>
#include <cstdlib>
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
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/loop_thread.h"
#include "sluice/platform/timer_wheel.h"

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

// After a round that fills the pools and the heap.
void Measure(benchmark::State& state,
             const std::function<void(int runs)>& work,
             const std::function<double()>& bytes) {
  work(kInFlight);
  const auto once = [&] { work(static_cast<int>(state.range(0))); };
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
    const auto work = [&](int runs) {
      std::vector<std::promise<void>> done(kThreads);
      for (int i = 0; i < kThreads; ++i) {
        const auto at = static_cast<std::size_t>(i);
        threads[at]->loop().Post([&, at] { loads[at]->Begin(runs, done[at]); });
      }
      for (std::promise<void>& end : done)
        end.get_future().wait();
    };
    // Everything that was in flight at once stays in the pools, so it can be counted afterwards.
    Measure(state, work, [&] {
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

// What all loads by hand know: who waits for whom.
struct Graph {
  Graph() {
    const Shape shape = Checkout();
    readers.resize(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      waits.push_back(static_cast<std::uint16_t>(shape[i].size()));
      for (const std::uint16_t input : shape[i]) {
        readers[input].push_back(static_cast<std::uint16_t>(i));
      }
    }
  }
  std::vector<std::uint16_t> waits;
  std::vector<std::vector<std::uint16_t>> readers;
};

// Keeps runs of type Run in flight on one io_context. A Run has Begin(), and deletes itself by
// Ended().
template <typename Run>
class AsioLoad {
 public:
  void Work(int count) {
    left_ = count;
    peak_ = count / 2;
    io.restart();
    for (int i = 0; i < kInFlight / kThreads; ++i)
      BeginOne();
    io.run();
  }
  void Ended(Run* run) {
    delete run;
    if (left_ > 0) BeginOne();
  }
  std::int64_t bytes_at_peak = 0;
  boost::asio::io_context io{1};
  Graph graph;
  typename Run::Shared shared{io};

 private:
  void BeginOne() {
    --left_;
    (new Run(*this))->Begin();
    if (left_ == peak_) bytes_at_peak = CountMemory().live_bytes;
  }

  int left_ = 0;
  int peak_ = 0;  // When that many are left, all places are taken.
};

// A wheel of ours on an io_context: one steady_timer drives it.
class DrivenWheel {
 public:
  explicit DrivenWheel(boost::asio::io_context& io) : driver_(io) {}

  void Arm(sluice::Timer& timer, sluice::SteadyTime due) {
    wheel.Arm(timer, due);
    if (advancing_) return;  // What comes after it looks at the whole wheel.
    if (!driving_ || due < driven_until_) Drive();
  }
  // With nothing on it the io_context must end.
  void Disarm(sluice::Timer& timer) {
    wheel.Disarm(timer);
    if (advancing_ || !driving_ || wheel.armed() > 0) return;
    driving_ = false;
    driver_.cancel();
  }

  sluice::SteadyTime now = sluice::platform::ReadSteadyClock();
  sluice::platform::TimerWheel wheel{now};

 private:
  void Drive() {
    driving_ = wheel.armed() > 0;
    if (!driving_) return;
    driven_until_ = wheel.NextDue();
    driver_.expires_at(std::chrono::steady_clock::time_point(driven_until_.time_since_epoch()));
    driver_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;  // Another wait has taken its place, or none is needed.
      now = sluice::platform::ReadSteadyClock();
      advancing_ = true;
      wheel.Advance(now);
      advancing_ = false;
      Drive();
    });
  }
  boost::asio::steady_timer driver_;
  sluice::SteadyTime driven_until_{};
  bool driving_ = false;
  bool advancing_ = false;
};

enum class Timeouts { kNone, kSteadyTimers, kWheel };

// A counter and a steady_timer for each node, and perhaps a timeout that would end the node, as
// each node of ours has.
template <Timeouts kTimeouts>
class SteadyRun {
 public:
  using Shared = DrivenWheel;

  explicit SteadyRun(AsioLoad<SteadyRun>& load) : load_(load), waits_(load.graph.waits) {
    timers_.reserve(waits_.size() * (kTimeouts == Timeouts::kSteadyTimers ? 2 : 1));
    for (std::size_t i = 0; i < timers_.capacity(); ++i)
      timers_.emplace_back(load.io);
    if constexpr (kTimeouts == Timeouts::kWheel) {
      timeouts_ = std::make_unique<Timeout[]>(waits_.size());
    }
  }
  void Begin() { Start(0); }

 private:
  void Start(std::size_t node) {
    ++waiting_;
    timers_[node].expires_after(1ms);
    timers_[node].async_wait([this, node](const boost::system::error_code&) { Ended(node); });
    if constexpr (kTimeouts == Timeouts::kWheel) {
      const auto due = timers_[node].expiry() + 1s;
      load_.shared.Arm(timeouts_[node].timer, sluice::SteadyTime(due.time_since_epoch()));
    }
    if constexpr (kTimeouts == Timeouts::kSteadyTimers) {
      ++waiting_;
      boost::asio::steady_timer& timeout = timers_[waits_.size() + node];
      timeout.expires_after(1s);
      timeout.async_wait([this](const boost::system::error_code&) { FreeIfDone(); });
    }
  }
  void Ended(std::size_t node) {
    if constexpr (kTimeouts == Timeouts::kSteadyTimers) timers_[waits_.size() + node].cancel();
    if constexpr (kTimeouts == Timeouts::kWheel) load_.shared.Disarm(timeouts_[node].timer);
    for (const std::uint16_t reader : load_.graph.readers[node]) {
      if (--waits_[reader] == 0) Start(reader);
    }
    FreeIfDone();
  }
  void FreeIfDone() {
    if (--waiting_ == 0) load_.Ended(this);
  }

  struct Timeout {
    sluice::Timer timer{[](sluice::Timer&, sluice::SteadyTime) { std::abort(); }, nullptr};
  };

  AsioLoad<SteadyRun>& load_;
  std::vector<std::uint16_t> waits_;
  std::vector<boost::asio::steady_timer> timers_;
  std::unique_ptr<Timeout[]> timeouts_;
  int waiting_ = 0;
};

enum class Completion { kCalled, kPosted };

// By hand on the wheel alone: callbacks and counters, nothing else. A timeout is armed and taken
// back for each node.
template <Completion kCompletion>
class WheelRun {
 public:
  using Shared = DrivenWheel;

  explicit WheelRun(AsioLoad<WheelRun>& load) : load_(load) {
    for (std::size_t i = 0; i < kNodes; ++i)
      waits_[i] = load.graph.waits[i];
  }
  void Begin() { Start(0); }

 private:
  static constexpr std::size_t kNodes = 12;
  struct Node {
    sluice::Timer call{&Fired, this};
    sluice::Timer timeout{&TimedOut, this};
    WheelRun* run = nullptr;
  };
  static void Fired(sluice::Timer& timer, sluice::SteadyTime /*now*/) {
    auto& node = *static_cast<Node*>(timer.owner);
    const auto end = [&node] {
      node.run->Ended(static_cast<std::size_t>(&node - node.run->nodes_.data()));
    };
    if constexpr (kCompletion == Completion::kCalled) return end();
    boost::asio::post(node.run->load_.io, end);
  }
  static void TimedOut(sluice::Timer& /*timer*/, sluice::SteadyTime /*now*/) { std::abort(); }

  void Start(std::size_t node) {
    nodes_[node].run = this;
    load_.shared.Arm(nodes_[node].call, load_.shared.now + 1ms);
    load_.shared.Arm(nodes_[node].timeout, load_.shared.now + 1s);
  }
  void Ended(std::size_t node) {
    load_.shared.Disarm(nodes_[node].timeout);
    if (node + 1 == kNodes) return load_.Ended(this);
    for (const std::uint16_t reader : load_.graph.readers[node]) {
      if (--waits_[reader] == 0) Start(reader);
    }
  }

  AsioLoad<WheelRun>& load_;
  std::array<std::uint16_t, kNodes> waits_{};
  std::array<Node, kNodes> nodes_;
};

template <typename Run>
void CheckoutAsio(benchmark::State& state) {
  const std::int64_t before = CountMemory().live_bytes;
  std::vector<std::unique_ptr<AsioLoad<Run>>> loads;
  for (int i = 0; i < kThreads; ++i)
    loads.push_back(std::make_unique<AsioLoad<Run>>());
  const auto work = [&](int runs) {
    std::vector<std::jthread> threads;
    for (const auto& load : loads)
      threads.emplace_back([&load, runs] { load->Work(runs); });
  };
  Measure(state, work, [&] { return static_cast<double>(loads.back()->bytes_at_peak - before); });
}

void BM_Checkout_asio(benchmark::State& state) {
  CheckoutAsio<SteadyRun<Timeouts::kNone>>(state);
}
void BM_Checkout_asio_timeouts(benchmark::State& state) {
  CheckoutAsio<SteadyRun<Timeouts::kSteadyTimers>>(state);
}
void BM_Checkout_asio_timeouts_on_wheel(benchmark::State& state) {
  CheckoutAsio<SteadyRun<Timeouts::kWheel>>(state);
}
void BM_Checkout_asio_wheel_posted(benchmark::State& state) {
  CheckoutAsio<WheelRun<Completion::kPosted>>(state);
}
void BM_Checkout_asio_wheel(benchmark::State& state) {
  CheckoutAsio<WheelRun<Completion::kCalled>>(state);
}

// The small number is for the tests, which only see that it runs.
void Runs(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("runs")->Arg(6'000)->Arg(100'000)->UseRealTime();
  benchmark->Unit(benchmark::kMillisecond)->Iterations(1);
}

BENCHMARK(BM_Checkout_sluice)->Apply(&Runs);
BENCHMARK(BM_Checkout_sluice_traced)->Apply(&Runs);
BENCHMARK(BM_Checkout_asio)->Apply(&Runs);
BENCHMARK(BM_Checkout_asio_timeouts)->Apply(&Runs);
BENCHMARK(BM_Checkout_asio_timeouts_on_wheel)->Apply(&Runs);
BENCHMARK(BM_Checkout_asio_wheel_posted)->Apply(&Runs);
BENCHMARK(BM_Checkout_asio_wheel)->Apply(&Runs);

}  // namespace
}  // namespace dag_bench
