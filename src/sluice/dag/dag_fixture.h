// What the tests of this room share: a simulated loop, bodies that take a given time, a diary of
// what happened when. Times are milliseconds since the start of the world.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/runner.h"
#include "sluice/platform/sim/world.h"

namespace sluice::dag {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): tests only.
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Order {
  int id = 0;
};

// What a body does: takes `takes`, then returns `value` or fails.
struct Script {
  Nanos takes{0};
  int value = 0;
  bool fails = false;
  bool ignores_stop = false;
};

class DagWorld {
 public:
  DagWorld() : world(1), loop(world.AddLoop()), start(world.now()) {}

  // "B@10" for what began, and whatever bodies add.
  std::vector<std::string> diary;
  sim::World world;
  sim::Loop& loop;
  SteadyTime start;

  [[nodiscard]] Nanos elapsed() const { return world.now() - start; }
  [[nodiscard]] long ms() const { return static_cast<long>(elapsed() / 1ms); }
  [[nodiscard]] SteadyTime At(Nanos since_start) const { return start + since_start; }
  void Write(const std::string& what) { diary.push_back(fmt::format("{}@{}", what, ms())); }

  Work<int> Play(Context& context, Script script) {
    Write(std::string(context.node()));
    if (script.ignores_stop) {
      co_await context.loop().SleepUntil(context.now() + script.takes);
    } else if (script.takes > 0ns) {
      const bool slept = co_await context.SleepFor(script.takes);
      if (!slept) {
        Write(std::string(context.node()) + " stopped");
        co_return Fail(ErrorCode::kCancelled, "stopped");
      }
    }
    if (script.fails) co_return Fail(ErrorCode::kConnectionReset, "scripted");
    co_return script.value;
  }

  // A body for nodes with any number of integer inputs.
  auto Body(Script script) {
    return [this, script](Context& context, const auto&... /*inputs*/) -> Work<int> {
      return Play(context, script);
    };
  }
};

// What became of a run, and when.
template <typename T>
struct Finished {
  std::optional<Outcome<T>> outcome;
  Nanos at{-1};
};

template <typename T>
Task<void> Await(DagWorld& world, Running<T> running, Finished<T>& out) {
  Outcome<T> outcome = co_await running;
  out.at = world.elapsed();
  out.outcome.emplace(std::move(outcome));
}

// Runs `plan` once, to the end of everything.
template <typename In, typename Out>
class OneRun {
 public:
  OneRun(DagWorld& world,
         const PlanResult<Plan<In, Out>>& plan,
         In input = {},
         const RunOptions& options = {},
         const RunnerOptions& runner_options = {})
      : world_(world), runner(world.loop, *plan, runner_options) {
    world.loop.Enter(
        [&] { tasks_.Spawn(Await(world, runner.Run(std::move(input), options), finished)); });
  }
  OneRun(const OneRun&) = delete;
  OneRun& operator=(const OneRun&) = delete;
  ~OneRun() {
    ToTheEnd();
    world_.loop.Enter([&] { finished.outcome.reset(); });
  }

  void ToTheEnd() { EXPECT_TRUE(world_.world.RunUntilIdle()); }
  [[nodiscard]] Outcome<Out>& outcome() { return *finished.outcome; }
  [[nodiscard]] long at_ms() const { return static_cast<long>(finished.at / 1ms); }

 private:
  DagWorld& world_;
  TaskGroup tasks_;

 public:
  Runner<In, Out> runner;
  Finished<Out> finished;
};

}  // namespace sluice::dag
