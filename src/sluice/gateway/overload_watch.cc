#include "sluice/gateway/overload_watch.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace sluice::gateway {
namespace {

// folly's target for a queue; a loop that is later has one.
constexpr std::int64_t kLagMaxNanos = 5'000'000;
constexpr std::int64_t kNoLag = std::numeric_limits<std::int64_t>::max();

// A threshold that only falls still has the cause that raised it.
ShedCause CauseOf(const limit::LoadSignals& signals, std::uint32_t threshold, ShedCause before) {
  if (threshold == 0) return ShedCause::kNone;
  if (signals.cpu_ratio > 1) return ShedCause::kCpu;
  return signals.is_overloaded ? ShedCause::kQueueDelay : before;
}

}  // namespace

OverloadWatch::OverloadWatch(Loop& control,
                             const Registry& registry,
                             StatsBook& stats,
                             HostLoadSource* host,
                             std::function<void(std::string_view line)> log)
    : control_(control),
      registry_(registry),
      stats_(stats),
      host_(host),
      log_(std::move(log)),
      control_timer_(&FireControl, this),
      host_timer_(&FireHost, this) {}

const OverloadPlan* OverloadWatch::plan() const {
  if (registry_.current() == nullptr) return nullptr;
  const OverloadPlan& plan = registry_.current()->overload;
  return plan.config == nullptr ? nullptr : &plan;
}

void OverloadWatch::Follow() {
  if (plan() == nullptr) return Stop();
  const SteadyTime now = control_.now();
  if (!control_timer_.armed()) {
    control_.Arm(control_timer_, now + plan()->config->controller.interval);
  }
  if (!host_timer_.armed()) control_.Arm(host_timer_, now);
}

void OverloadWatch::Stop() {
  if (control_timer_.armed()) control_.Disarm(control_timer_);
  if (host_timer_.armed()) control_.Disarm(host_timer_);
}

void OverloadWatch::FireControl(Timer& timer, SteadyTime now) {
  auto* watch = static_cast<OverloadWatch*>(timer.owner);
  const OverloadPlan* plan = watch->plan();
  if (plan == nullptr) return;
  watch->Control(*plan, now);
  watch->control_.Arm(timer, now + plan->config->controller.interval);
}

void OverloadWatch::FireHost(Timer& timer, SteadyTime now) {
  auto* watch = static_cast<OverloadWatch*>(timer.owner);
  const OverloadPlan* plan = watch->plan();
  if (plan == nullptr) return;
  watch->Look(*plan, now);
  watch->control_.Arm(timer, now + plan->config->resources.refresh_interval);
}

// The least lag of a worker since the last look; none was noted while it was in one long turn,
// which the next look will see.
bool OverloadWatch::LoopsAreLate(OverloadState& state) const {
  bool late = false;
  for (std::atomic<std::int64_t>& least : state.lag_min_nanos) {
    const std::int64_t lag = least.exchange(kNoLag, std::memory_order_relaxed);
    late = late || (lag != kNoLag && lag > kLagMaxNanos);
  }
  return late;
}

void OverloadWatch::TellChange(std::string_view gate,
                               std::uint32_t before,
                               std::uint32_t after,
                               ShedCause cause) const {
  if (before == 0 && after > 0) {
    log_(fmt::format("shedding_began gate={} level={} cause={}", gate, after, NameOf(cause)));
  }
  if (before > 0 && after == 0) log_(fmt::format("shedding_ended gate={}", gate));
}

void OverloadWatch::Control(const OverloadPlan& plan, SteadyTime now) {
  OverloadState& state = *plan.state;
  limit::LoadSignals signals;
  const bool late = LoopsAreLate(state);
  signals.is_overloaded = plan.sheds_by_queue_delay && late;
  if (plan.sheds_by_cpu) {
    const config::CpuRuleConfig& cpu = plan.config->system.cpu;
    const bool counts = !cpu.bbr || state.system->IsBeyondCapacity(now);
    if (counts) signals.cpu_ratio = state.system->cpu_ratio() * 100 / cpu.threshold;
  }
  const std::uint32_t before = state.gate.threshold();
  state.gate.Tick(signals);
  const std::uint32_t after = state.gate.threshold();
  state.gate_cause.store(CauseOf(signals, after, state.gate_cause), std::memory_order_relaxed);
  TellChange("gateway", before, after, state.gate_cause);
  if (plan.sheds_by_concurrency) TickLimits(*registry_.current());
}

void OverloadWatch::TickLimits(const Snapshot& snapshot) {
  std::map<const LimitState*, Seen> seen_now;
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits) {
    LimitState& state = *plan.state;
    const limit::ConcurrencyStats stats = state.limit->Stats();
    const Seen current{.ended = static_cast<std::int64_t>(stats.decisions.allowed) - stats.inflight,
                       .denied = stats.decisions.denied + stats.decisions.would_deny,
                       .held = stats.held};
    const auto found = seen_.find(&state);
    const Seen last = found == seen_.end() ? current : found->second;
    seen_now.emplace(&state, current);
    const limit::LoadSignals signals{
        .turned_away = current.denied - last.denied,
        .room = stats.limit * snapshot.overload.config->controller.interval,
        .held = current.held - last.held,
        // Read while calls come and go, so a call may seem to end a tick late.
        .ended = static_cast<std::uint64_t>(std::max<std::int64_t>(0, current.ended - last.ended)),
        .has_queue = state.limit->has_queue()};
    const std::uint32_t before = state.gate.threshold();
    state.gate.Tick(signals);
    TellChange(plan.config->name, before, state.gate.threshold(), ShedCause::kConcurrency);
  }
  seen_ = std::move(seen_now);
}

double OverloadWatch::ConnectionsRatio() const {
  std::int64_t open = 0;
  for (std::size_t i = 0; i < stats_.worker_count(); ++i)
    open += stats_.worker(i).open_connections.value();
  std::int64_t most = 0;
  for (const ListenerPlan& listener : registry_.current()->listeners)
    most += listener.config->limits.max_connections;
  return most == 0 ? -1 : static_cast<double>(open) / static_cast<double>(most);
}

void OverloadWatch::Look(const OverloadPlan& plan, SteadyTime now) {
  HostLoad load;
  if (host_ != nullptr) load = host_->Sample(now);
  plan.state->system->NoteHost(load.cpu_ratio, load.load1, now);
  limit::ResourcePressures pressures{};
  const auto set = [&pressures](limit::ResourceMonitor monitor, double value) {
    pressures[static_cast<std::size_t>(monitor)] = value;
  };
  set(limit::ResourceMonitor::kCgroupMemory, load.memory_ratio);
  set(limit::ResourceMonitor::kOpenFiles, load.open_files_ratio);
  set(limit::ResourceMonitor::kConnections, ConnectionsRatio());
  set(limit::ResourceMonitor::kPressureCpu, load.pressure_cpu);
  set(limit::ResourceMonitor::kPressureMemory, load.pressure_memory);
  set(limit::ResourceMonitor::kPressureIo, load.pressure_io);
  plan.state->resources.Update(plan.triggers, pressures);
}

}  // namespace sluice::gateway
