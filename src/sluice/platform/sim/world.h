// World: simulated time, network and faults, for any number of loops in one thread.
//
// Everything that happens is an event with a time; the world takes the earliest, sets its clock to
// it and runs it as a turn of the event's loop. Nothing waits, so a simulated hour costs what its
// events cost. With the same seed and program two runs are the same, event by event
// (`trace().hash()` tells).
// Not thread-safe: one world belongs to one thread, and so do its loops.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/platform/sim/event_queue.h"
#include "sluice/platform/sim/faults.h"
#include "sluice/platform/sim/link.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/name_table.h"
#include "sluice/platform/sim/timer_queue.h"
#include "sluice/platform/sim/trace.h"

namespace sluice::sim {

class Listener;
class Network;
class Stream;

struct WorldOptions {
  std::uint64_t seed = 1;
  // Events of one moment happen in an order drawn from the seed, not in the order they were made.
  bool shuffle = false;
  // Bytes are cut anew at places drawn from the seed, so that readers see every cut.
  bool recut = false;
  LinkOptions link;                         // Of addresses without a link of their own.
  SteadyTime start{std::chrono::hours(1)};  // Not 0: nobody may rely on that.
  WallTime wall_start{std::chrono::seconds(1767225600)};  // 2026-01-01T00:00:00Z.
  std::size_t trace_entries_max = 4096;
};

class World {
 public:
  explicit World(const WorldOptions& options);
  explicit World(std::uint64_t seed) : World(WorldOptions{.seed = seed}) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  // Asserts that no stream and no listener is left: they would outlive their loops.
  ~World();

  // The loop lives as long as the world.
  Loop& AddLoop(LoopOptions options = {});

  [[nodiscard]] SteadyTime now() const { return now_; }
  [[nodiscard]] WallTime wall_now() const { return now_ - options_.start + wall_at_start_; }
  // Steps the wall clock, as an operator or NTP does; steady time goes on undisturbed.
  void StepWallClock(Nanos step) { wall_at_start_ += step; }

  // Runs all events of the next `span`; the clock then shows its end.
  void RunFor(Nanos span);
  // Runs until `done()`, which is asked before the first and after every event. False when `limit`
  // passed first.
  [[nodiscard]] bool RunUntil(const std::function<bool()>& done, Nanos limit);
  // Runs until nothing will ever happen: no event, no timer. False when `limit` passed first.
  [[nodiscard]] bool RunUntilIdle(Nanos limit = std::chrono::hours(1));

  [[nodiscard]] Faults& faults() { return *faults_; }
  [[nodiscard]] NameTable& names() { return names_; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] const Trace& trace() const { return trace_; }
  [[nodiscard]] std::uint64_t seed() const { return options_.seed; }
  // Draws for the program of the simulation itself, apart from all loops.
  [[nodiscard]] Random& random() { return random_; }

  // What is left open, over all loops.
  [[nodiscard]] std::size_t open_streams() const;
  [[nodiscard]] std::size_t open_listeners() const;
  // Receives, sends, accepts, connects and resolutions that have not completed.
  [[nodiscard]] std::size_t pending_operations() const;
  [[nodiscard]] std::size_t armed_timers() const { return timers_.size(); }
  [[nodiscard]] std::uint64_t events_total() const { return events_total_; }

 private:
  friend class Connector;
  friend class Loop;
  friend class Resolver;
  friend class Network;
  friend class Stream;
  friend class Listener;

  struct Upcoming {
    SteadyTime at = kNever;  // kNever: nothing will happen.
    bool is_timer = false;
  };
  [[nodiscard]] Upcoming Peek() const;
  void Run(const Upcoming& upcoming);
  // `act(subject, detail)` happens at `at` as a turn of `loop`.
  void Schedule(SteadyTime at, Loop& loop, Event::Act act, void* subject, std::uint64_t detail);
  [[nodiscard]] EventOrder NextOrder(SteadyTime at);
  void FireTimer(Timer& timer, Loop& loop);
  void CountEventAt(SteadyTime at);
  void AssertOwnThread() const;

  WorldOptions options_;
  SteadyTime now_;
  WallTime wall_at_start_;
  std::thread::id owner_;
  Trace trace_;
  Random random_;
  Random shuffle_random_;
  EventQueue events_;
  TimerQueue timers_;
  NameTable names_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Faults> faults_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::size_t resolving_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t events_total_ = 0;
  std::uint64_t events_at_now_ = 0;
};

}  // namespace sluice::sim
