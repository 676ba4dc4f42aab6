// PriorityShedder: under overload, which levels of requests are turned away?
//
// Everything below a threshold. Intervals in which somebody was turned away or waited show what can
// be served; the threshold is the quantile of the levels offered of late that leaves a little less
// than that: one step, whatever the overload (failsafe-go's LevelTracker; DAGOR, which moves in
// small steps, takes seconds). What can be served is remembered as long as there is shedding:
// measured behind a gate that sheds it would be what the gate lets in, and shrink with each look.
// It is probed upwards in calm intervals, faster from one to the next. The threshold itself falls
// by a tenth an interval at most, and slowly at first. Deciding is thread-safe; Tick() belongs to
// the control loop.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sluice/contract/guard.h"
#include "sluice/limit/criticality.h"
#include "sluice/limit/decision_counts.h"

namespace sluice::limit {

// What became of the requests since the last tick, and what else says "too much".
struct LoadSignals {
  std::uint64_t entered = 0;      // Let in by the gate, and served or being served.
  std::uint64_t turned_away = 0;  // Let in by the gate, and refused behind it.
  std::uint64_t waiting = 0;      // Let in by the gate, and standing in a queue behind it.
  bool is_overloaded = false;     // Queues stand, or loops are late.
  double cpu_ratio = 0;           // Processor time in use by what is wanted; above 1 is too much.
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
  struct Unserved {
    double steady = 0;
    double now = 0;  // At least that.
  };
  void LearnCapacity();
  [[nodiscard]] Unserved UnservedParts() const;
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
  std::uint32_t steady_ = 0;  // The threshold without what is for a backlog alone.
  // An interval; 0: nothing is shed, and nothing known.
  double capacity_ = 0;
  double offered_rate_ = 0;  // An interval, of late.
  double growth_ = 0;        // This part of the capacity is tried in the next calm interval.
  double fall_ = 0;          // This part of the threshold goes with the next calm interval.
  std::array<double, kLevelCount> recent_{};  // Offered of late, older ones weighing less.
};

}  // namespace sluice::limit
