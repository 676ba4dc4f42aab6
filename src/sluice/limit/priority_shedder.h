// PriorityShedder: under overload, which levels of requests are turned away?
//
// Everything below a threshold. What can be served follows from how long calls hold the slots of
// the limit behind the gate (Little's law: slots x interval / time held), and not from how many
// were served: measured behind a gate that sheds that would be what the gate lets in, and shrink
// with each look. The threshold is the quantile of the levels offered of late that leaves what can
// be served: one step, whatever the overload (failsafe-go's LevelTracker; DAGOR, which moves in
// small steps, takes seconds). Where a queue stands behind the gate it leaves a fifth more, so that
// chance never lets a slot run dry: who is too much is turned away by the queue, within its short
// wait and the least critical first. The threshold falls by a tenth an interval at most, and slowly
// at first. Deciding is thread-safe; Tick() belongs to the control loop.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/limit/criticality.h"
#include "sluice/limit/decision_counts.h"

namespace sluice::limit {

// What became of the requests since the last tick, and what else says "too much".
struct LoadSignals {
  // Of the limit behind the gate, where there is one.
  std::uint64_t turned_away = 0;  // Let in by the gate, and refused behind it.
  Nanos room{0};                  // Slots x the interval: how long they could be held in all.
  Nanos held{0};                  // How long calls that ended have held theirs,
  std::uint64_t ended = 0;        // and how many these were.
  bool has_queue = false;         // Who finds no slot may wait.
  // Of the gateway.
  bool is_overloaded = false;  // Loops are late.
  double cpu_ratio = 0;        // Processor time in use by what is wanted; above 1 is too much.
};

struct ShedDecision {
  bool admitted = true;
  bool would_refuse = false;  // Admitted by mode or enforce_percent alone.
};

class PriorityShedder {
 public:
  explicit PriorityShedder(GuardMode mode = GuardMode::kEnforce, double enforce_percent = 100)
      : mode_(mode), enforced_(enforce_percent) {}
  PriorityShedder(const PriorityShedder&) = delete;
  PriorityShedder& operator=(const PriorityShedder&) = delete;

  // Counts a request of `level` (below kLevelCount) as offered. Allocates nothing.
  [[nodiscard]] ShedDecision Decide(std::uint32_t level);

  // Once an interval. Too few requests to tell: waits for more, ten intervals at most.
  void Tick(const LoadSignals& signals);

  // Requests of this level and above pass.
  [[nodiscard]] std::uint32_t threshold() const {
    return threshold_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] DecisionTotals Totals() const { return counts_.Totals(); }

  void Reconfigure(GuardMode mode, double enforce_percent);

 private:
  void LearnCapacity();
  [[nodiscard]] double UnservedPart() const;
  [[nodiscard]] std::uint32_t Quantile(double part) const;

  std::atomic<std::uint32_t> threshold_{0};
  std::atomic<GuardMode> mode_;
  EnforcedPart enforced_;
  DecisionCounts counts_;
  std::array<std::atomic<std::uint32_t>, kLevelCount> offered_{};

  // The control loop's.
  LoadSignals seen_;  // Since the threshold was last set.
  std::uint64_t offered_seen_ = 0;
  std::uint64_t passed_seen_ = 0;  // By the gate.
  int ticks_ = 0;
  double capacity_ = 0;      // An interval; 0: nothing is shed, and nothing known.
  double offered_rate_ = 0;  // An interval, of late.
  double fall_ = 0;          // This part of the threshold goes with the next calm interval.
  std::array<double, kLevelCount> recent_{};  // Offered of late, older ones weighing less.
};

}  // namespace sluice::limit
