// SlowStart: gives an endpoint that has just come (back) a growing part of its traffic.
//
// The part at t after the beginning is max(min_weight, (max(t, 1 s) / window)^(1 / aggression)), as
// Envoy's slow start has it. A cold instance warms up under the part instead of failing under the
// whole.
//
// Thread-safe: a time stamp per endpoint, each an atomic of its own, and relaxed order is enough
// since nothing else hangs on it.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/contract/endpoint_gate.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

struct SlowStartOptions {
  Nanos window = std::chrono::seconds(30);  // 1 ms .. 1 h.
  double aggression = 1.0;                  // 0.1 .. 10; above 1 rises faster at first.
  double min_weight_percent = 10;           // Over 0 .. 100 of the share at the least.
  friend bool operator==(const SlowStartOptions&, const SlowStartOptions&) = default;
};

// The part of its share, in 0..1, that an endpoint gets `elapsed` after its beginning.
[[nodiscard]] double SlowStartWeight(const SlowStartOptions& options, Nanos elapsed);

class SlowStart final : public EndpointGate {
 public:
  // Slots are 0 .. `slots` - 1. Ranges are the caller's to check.
  SlowStart(const SlowStartOptions& options, std::size_t slots);

  // The endpoint begins at `at`, which may lie ahead (the end of its ejection).
  void Begin(std::size_t slot, SteadyTime at);
  // The endpoint has its whole share at once.
  void Skip(std::size_t slot);

  // Holds for ramps under way, too.
  void Reconfigure(const SlowStartOptions& options);

  [[nodiscard]] double Weight(std::size_t endpoint, SteadyTime now) const override;
  [[nodiscard]] std::string_view reason() const override { return "warming"; }

 private:
  std::atomic<std::int64_t> window_nanos_;
  std::atomic<double> aggression_;
  std::atomic<double> min_weight_percent_;
  std::vector<std::atomic<std::int64_t>> began_nanos_;  // By slot; kNotRamping: the whole share.
};

}  // namespace sluice::breaker
