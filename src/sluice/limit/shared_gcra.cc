#include "sluice/limit/shared_gcra.h"

#include <algorithm>

namespace sluice::limit {

SharedGcra::SharedGcra(const GcraOptions& options, SteadyTime now)
    : on_reject_(options.on_reject), origin_(now) {
  const GcraPace pace = GcraPace::Of(options);
  interval_.store(pace.interval, std::memory_order_relaxed);
  tolerance_.store(pace.tolerance, std::memory_order_relaxed);
  const double owed = static_cast<double>(pace.tolerance) * (1.0 - options.init_fill_ratio);
  tat_.store(static_cast<Ticks>(owed), std::memory_order_relaxed);
}

// A sequence lock without fences (which TSan cannot follow): the two words are loaded with acquire
// and stored with release, so a reader that sees a new word also sees the odd sequence before it.
GcraPace SharedGcra::ReadPace() const {
  while (true) {
    const std::uint64_t before = sequence_.load(std::memory_order_acquire);
    GcraPace pace;
    pace.interval = interval_.load(std::memory_order_acquire);
    pace.tolerance = tolerance_.load(std::memory_order_acquire);
    const std::uint64_t after = sequence_.load(std::memory_order_relaxed);
    if (before == after && before % 2 == 0) [[likely]] {
      return pace;
    }
  }
}

Admission SharedGcra::TryTake(std::uint32_t tokens, SteadyTime now) {
  const GcraPace pace = ReadPace();
  const Ticks at = TicksSince(origin_, now);
  Ticks tat = tat_.load(std::memory_order_relaxed);
  while (true) {
    GcraStep step = Step(pace, tat, at, tokens);
    if (!step.admitted) [[unlikely]] {
      if (on_reject_.load(std::memory_order_relaxed) == OnReject::kKeep) {
        return step.AdmissionBy(pace);
      }
      step = Drained(pace, tat, at, tokens);
    }
    if (step.next_tat == tat) return step.AdmissionBy(pace);
    if (tat_.compare_exchange_weak(tat, step.next_tat, std::memory_order_relaxed)) [[likely]] {
      return step.AdmissionBy(pace);
    }
  }
}

void SharedGcra::Refund(std::uint32_t tokens, SteadyTime now) {
  const GcraPace pace = ReadPace();
  const Ticks at = TicksSince(origin_, now);
  Ticks tat = tat_.load(std::memory_order_relaxed);
  while (true) {
    const Ticks refunded = Refunded(pace, tat, at, tokens);
    if (refunded == tat) return;
    if (tat_.compare_exchange_weak(tat, refunded, std::memory_order_relaxed)) return;
  }
}

void SharedGcra::Reconfigure(const GcraOptions& options) {
  const GcraPace pace = GcraPace::Of(options);
  const SpinlockHolder holder(reconfiguring_);
  const std::uint64_t sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_relaxed);
  interval_.store(pace.interval, std::memory_order_release);
  tolerance_.store(pace.tolerance, std::memory_order_release);
  sequence_.store(sequence + 2, std::memory_order_release);
  on_reject_.store(options.on_reject, std::memory_order_relaxed);
}

}  // namespace sluice::limit
