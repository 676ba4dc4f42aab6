// LagProbe: how late a worker's loop is, four times in each look of the control loop.
//
// A timer notes how long after its time it fires; the least of these is what counts, for one long
// turn is no overload. Armed only while a configuration asks for it, so that an idle gateway
// sleeps. Belongs to the worker's loop.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "sluice/contract/loop.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/overload_plan.h"

namespace sluice::gateway {

class LagProbe {
 public:
  static constexpr Nanos kInterval = std::chrono::milliseconds(25);

  LagProbe(Loop& loop, std::size_t worker) : loop_(loop), worker_(worker), timer_(&Fire, this) {}
  LagProbe(const LagProbe&) = delete;
  LagProbe& operator=(const LagProbe&) = delete;
  ~LagProbe() { Follow(nullptr); }

  // Notes into `state` from now on; null: stops.
  void Follow(std::shared_ptr<OverloadState> state) {
    state_ = std::move(state);
    if (state_ == nullptr) {
      if (timer_.armed()) loop_.Disarm(timer_);
    } else if (!timer_.armed()) {
      loop_.Arm(timer_, loop_.now() + kInterval);
    }
  }

 private:
  static void Fire(Timer& timer, SteadyTime now) {
    auto* probe = static_cast<LagProbe*>(timer.owner);
    std::atomic<std::int64_t>& least = probe->state_->lag_min_nanos[probe->worker_];
    // The control loop may reset it in between: then this one is lost, or counts twice.
    const std::int64_t lag = (now - timer.due).count();
    if (lag < least.load(std::memory_order_relaxed)) least.store(lag, std::memory_order_relaxed);
    probe->loop_.Arm(timer, now + kInterval);
  }

  Loop& loop_;
  std::size_t worker_;
  std::shared_ptr<OverloadState> state_;
  Timer timer_;
};

}  // namespace sluice::gateway
