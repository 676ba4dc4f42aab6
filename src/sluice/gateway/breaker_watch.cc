#include "sluice/gateway/breaker_watch.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace sluice::gateway {
namespace {

std::string_view EventOf(breaker::State state) {
  switch (state) {
    case breaker::State::kClosed:
      return "breaker_closed";
    case breaker::State::kOpen:
      return "breaker_opened";
    case breaker::State::kHalfOpen:
      return "breaker_half_opened";
    case breaker::State::kRecovering:
      return "breaker_recovering";
    case breaker::State::kForcedOpen:
      return "breaker_forced_open";
    case breaker::State::kDisabled:
      return "breaker_disabled";
    case breaker::State::kMetricsOnly:
      return "breaker_metrics_only";
  }
  return "breaker_changed";
}

// The states in the order in which each was entered last.
std::array<std::size_t, breaker::kStates> InOrder(const breaker::BreakerSnapshot& state) {
  std::array<std::size_t, breaker::kStates> order{};
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&state](std::size_t to) { return state.entered_last[to]; });
  return order;
}

// " failure_rate=70 slow_call_rate=0", or nothing while there are too few calls to tell.
std::string RatesOf(const breaker::BreakerSnapshot& state) {
  if (state.failure_rate < 0) return {};
  return fmt::format(" failure_rate={:.0f} slow_call_rate={:.0f}", state.failure_rate,
                     state.slow_call_rate);
}

}  // namespace

BreakerWatch::BreakerWatch(Loop& control,
                           const Registry& registry,
                           std::function<void(std::string_view line)> log)
    : control_(control), registry_(registry), log_(std::move(log)), timer_(&Fire, this) {}

void BreakerWatch::Start() {
  control_.Arm(timer_, control_.now() + kInterval);
}

void BreakerWatch::Stop() {
  if (timer_.armed()) control_.Disarm(timer_);
}

void BreakerWatch::Fire(Timer& timer, SteadyTime now) {
  auto* watch = static_cast<BreakerWatch*>(timer.owner);
  watch->Look(now);
  watch->control_.Arm(timer, now + kInterval);
}

void BreakerWatch::Look(SteadyTime now) {
  for (const auto& [name, guard] : registry_.breakers()) {
    guard->Poll(now);
    const breaker::BreakerSnapshot state = guard->Snapshot(now);
    Entries entered{};
    for (const auto& from : state.transitions) {
      for (std::size_t to = 0; to < from.size(); ++to)
        entered[to] += from[to];
    }
    Entries& seen = seen_[name];
    for (const std::size_t to : InOrder(state)) {
      // A new breaker of an old name counts from zero again.
      if (entered[to] <= seen[to]) continue;
      log_(fmt::format("{} name={} times={}{}", EventOf(static_cast<breaker::State>(to)), name,
                       entered[to] - seen[to], RatesOf(state)));
    }
    seen = entered;
    const std::uint64_t returns = breaker::ReturnsOf(state);
    if (returns > returns_[name]) registry_.Rewarm(name, now);
    returns_[name] = returns;
  }
  // Not a line per key: there may be many, and their names are the clients'.
  for (const auto& [name, guard] : registry_.keyed_breakers()) {
    const breaker::KeyedBreakerNews news = guard->Look(now);
    // One tenant of many that is back makes nobody cold.
    const bool most_return = news.returned > 0 && news.returned * 2 >= news.keys;
    if (most_return) registry_.Rewarm(name, now);
    if (news.opened == 0) continue;
    log_(fmt::format("breaker_opened name={} times={} keys={} keys_not_closed={}", name,
                     news.opened, news.keys, news.keys_not_closed));
  }
}

}  // namespace sluice::gateway
