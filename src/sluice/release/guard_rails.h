// GuardRails: what ends a release at once, by plain thresholds.
//
// They are for damage that nobody needs statistics to see; what is subtle is the judge's. Counts of
// the last 30 minutes are kept by second (Google's SRE workbook, chapter 5: two windows, so that a
// burn is both large and still going on). A rail that compares with stable asks beside the factor
// that it be no chance: of few requests twice the rate says nothing.
//
// Not thread-safe.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/release/tick.h"

namespace sluice::release {

struct GuardRailOptions {
  double slo_percent = 99.9;          // 0 .. below 100: success that is promised.
  double burn_fast = 14.4;            // Times the budget, over 1 and 5 minutes; 0: off.
  double burn_slow = 6;               // Over 5 and 30 minutes; 0: off.
  double success_floor_percent = 50;  // Of the candidate over 10 s; 0: off.
  Nanos latency_ceiling{0};           // 99 of 100 must be faster, over 30 s; 0: off.
  double endpoint_loss_percent = 50;  // More than this of the candidate's endpoints away; 100: off.
  friend bool operator==(const GuardRailOptions&, const GuardRailOptions&) = default;
};

// What else is known of the candidate.
struct CandidateHealth {
  std::size_t endpoints = 0;
  std::size_t ready = 0;
  bool breaker_open = false;
};

struct Trip {
  std::string rail;      // "success_floor", "burn_rate", …
  std::string sentence;  // For people.
};

class GuardRails {
 public:
  explicit GuardRails(const GuardRailOptions& options);

  // Counts one second.
  void Add(const Tick& tick);
  // From now on stable is compared with how it did until now; and the endpoints that the candidate
  // has now are what it may lose.
  void BeginStep(const CandidateHealth& health);

  // What the step is compared with, to be kept over a restart.
  struct StepStart {
    std::uint64_t endpoints = 0;
    std::uint64_t stable_requests = 0;
    std::uint64_t stable_failures = 0;
  };
  [[nodiscard]] StepStart step_start() const;
  void RestoreStep(const StepStart& start);
  // After a restart: endpoints are missed only once there was time to find them again.
  void AwaitEndpoints() { finding_seconds_ = kFindingSeconds; }

  [[nodiscard]] std::optional<Trip> Check(const CandidateHealth& health) const;

 private:
  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
    std::uint64_t slow = 0;
    std::uint64_t stable_requests = 0;
    std::uint64_t stable_failures = 0;
  };
  static constexpr std::size_t kSeconds = 1'800;
  static constexpr std::size_t kFindingSeconds = 30;
  enum Window : std::size_t { k10Seconds, k30Seconds, k1Minute, k5Minutes, k30Minutes, kWindows };
  static constexpr std::array<std::size_t, kWindows> kLengths = {10, 30, 60, 300, 1'800};

  [[nodiscard]] bool Burns(double factor, Window first, Window second) const;
  [[nodiscard]] std::optional<Trip> CheckHealth(const CandidateHealth& health) const;
  [[nodiscard]] std::optional<Trip> CheckBurn() const;
  [[nodiscard]] std::optional<Trip> CheckStable() const;

  GuardRailOptions options_;
  std::vector<Counts> ring_;
  std::size_t next_ = 0;
  std::array<Counts, kWindows> sums_{};
  Counts before_step_;  // Of the 30 minutes before the step.
  std::size_t endpoints_at_step_ = 0;
  std::size_t finding_seconds_ = 0;  // So many more to find the endpoints in, after a restart.
};

}  // namespace sluice::release
