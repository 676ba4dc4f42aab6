// WarmupOptions: how an instance is warmed. docs/systems/warmup.md tells it to users.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"
#include "sluice/warmup/warmness.h"

namespace sluice::warmup {

struct WarmupOptions {
  Nanos timeout = std::chrono::seconds(120);  // 1 s .. 1 h, from the first attempt to connect.
  Nanos connect_timeout = std::chrono::seconds(60);  // Until it accepts; part of `timeout`.
  Nanos touch_timeout = std::chrono::seconds(30);    // Of each class's first request.
  Nanos request_timeout = std::chrono::seconds(10);
  // 0: automatic, 200 for an instance that answers at once as recorded, 5000 for one that does not
  // (a virtual machine compiles what is called some thousand times). Up to 1'000'000.
  std::uint64_t target_requests = 0;
  std::uint64_t class_min = 20;                  // 1 .. 1000: of each class, however rare.
  std::size_t concurrency_max = 64;              // 1 .. 1024.
  double rate_per_second = 0;                    // Expected of the instance; 0: as recorded.
  double verify_ratio = 0.5;                     // Over 0 .. 1: of that rate.
  Nanos verify_time = std::chrono::seconds(10);  // 1 s .. 10 min.
  DetectOptions detect;
  std::string host;                          // Instead of the recorded one; empty: that.
  std::string boot_id_header = "x-boot-id";  // Tells one process from the next.

  static constexpr std::uint64_t kTargetWarm = 200;
  static constexpr std::uint64_t kTargetCold = 5000;
  friend bool operator==(const WarmupOptions&, const WarmupOptions&) = default;
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const WarmupOptions& options, std::string_view path, ConfigProblems& problems);

}  // namespace sluice::warmup
