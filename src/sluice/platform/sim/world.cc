#include "sluice/platform/sim/world.h"

#include <algorithm>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/network.h"

namespace sluice::sim {
namespace {

// More events at one moment than any program needs: something runs in circles.
constexpr std::uint64_t kEventsAtOneMomentMax = 10'000'000;

// Each user of chance gets a seed of its own, so that one more loop changes nobody else's draws.
enum class Purpose : std::uint64_t { kProgram = 1, kShuffle, kNetwork, kFaults, kLoops = 1000 };

std::uint64_t SeedFor(std::uint64_t seed, Purpose purpose, std::uint64_t number = 0) {
  Random mixer(seed ^ ((static_cast<std::uint64_t>(purpose) + number) * 0x9e3779b97f4a7c15U));
  return mixer.Next();
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      now_(options.start),
      wall_at_start_(options.wall_start),
      owner_(std::this_thread::get_id()),
      trace_(options.trace_entries_max),
      random_(SeedFor(options.seed, Purpose::kProgram)),
      shuffle_random_(SeedFor(options.seed, Purpose::kShuffle)),
      network_(std::make_unique<Network>(
          *this, options.link, SeedFor(options.seed, Purpose::kNetwork), options.recut)),
      faults_(std::make_unique<Faults>(*network_, SeedFor(options.seed, Purpose::kFaults))) {}

World::~World() {
  SLUICE_ASSERT(open_streams() == 0);
  SLUICE_ASSERT(open_listeners() == 0);
}

Loop& World::AddLoop(LoopOptions options) {
  const auto number = static_cast<std::uint32_t>(loops_.size());
  const std::uint64_t seed = SeedFor(options_.seed, Purpose::kLoops, number);
  loops_.push_back(std::make_unique<Loop>(*this, number, std::move(options), seed));
  return *loops_.back();
}

EventOrder World::NextOrder(SteadyTime at) {
  return {.at = at, .draw = options_.shuffle ? shuffle_random_.Next() : 0, .sequence = sequence_++};
}

void World::Schedule(
    SteadyTime at, Loop& loop, Event::Act act, void* subject, std::uint64_t detail) {
  SLUICE_ASSERT(at >= now_);
  events_.Push(
      {.order = NextOrder(at), .loop = &loop, .act = act, .subject = subject, .detail = detail});
}

World::Upcoming World::Peek() const {
  if (timers_.empty()) {
    return events_.empty() ? Upcoming() : Upcoming{.at = events_.first().order.at};
  }
  const EventOrder timer = timers_.first();
  const bool is_timer = events_.empty() || timer < events_.first().order;
  return {.at = is_timer ? timer.at : events_.first().order.at, .is_timer = is_timer};
}

void World::Run(const Upcoming& upcoming) {
  CountEventAt(upcoming.at);
  if (upcoming.is_timer) {
    const auto [timer, loop] = timers_.Pop();
    trace_.Add({.at = now_, .step = Step::kTimers, .loop = loop->number(), .text = {}});
    FireTimer(*timer, *loop);
  } else {
    const Event event = events_.Pop();
    const auto act = [&event] { event.act(event.subject, event.detail); };
    event.loop->Enter(act);
  }
}

void World::FireTimer(Timer& timer, Loop& loop) {
  const auto fire = [this, &timer] { timer.fire(timer, now_); };
  loop.Enter(fire);
}

void World::CountEventAt(SteadyTime at) {
  SLUICE_ASSERT(at >= now_);
  ++events_total_;
  events_at_now_ = at == now_ ? events_at_now_ + 1 : 0;
  SLUICE_ASSERT(events_at_now_ < kEventsAtOneMomentMax);
  now_ = at;
}

void World::RunFor(Nanos span) {
  const SteadyTime end = SaturatingAdd(now_, span);
  for (Upcoming next = Peek(); next.at <= end && next.at != kNever; next = Peek())
    Run(next);
  now_ = end;
}

bool World::RunUntil(const std::function<bool()>& done, Nanos limit) {
  const SteadyTime end = SaturatingAdd(now_, limit);
  while (!done()) {
    const Upcoming next = Peek();
    if (next.at > end || next.at == kNever) {
      now_ = end;
      return false;
    }
    Run(next);
  }
  return true;
}

bool World::RunUntilIdle(Nanos limit) {
  const SteadyTime end = SaturatingAdd(now_, limit);
  for (Upcoming next = Peek(); next.at != kNever; next = Peek()) {
    if (next.at > end) {
      now_ = end;
      return false;
    }
    Run(next);
  }
  return true;
}

std::size_t World::open_streams() const {
  std::size_t open = 0;
  for (const auto& loop : loops_)
    open += loop->open_streams();
  return open;
}

std::size_t World::open_listeners() const {
  return network_->open_listeners();
}

std::size_t World::pending_operations() const {
  return network_->pending_operations() + resolving_;
}

void World::AssertOwnThread() const {
  SLUICE_ASSERT(std::this_thread::get_id() == owner_);
}

}  // namespace sluice::sim
