// HostLoadReader: HostLoad from /proc and the process's control group (v2, or v1 for memory).
//
// The processor is that of the control group where it has a quota, else the machine's. Belongs to
// one thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/host_load.h"
#include "sluice/contract/time.h"

namespace sluice::platform {

// Where to look; a parameter, so that it can be tested.
struct HostFiles {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

class HostLoadReader final : public HostLoadSource {
 public:
  explicit HostLoadReader(HostFiles files = {});

  [[nodiscard]] HostLoad Sample(SteadyTime now) override;

 private:
  [[nodiscard]] double CpuOfGroup(SteadyTime now);
  [[nodiscard]] double CpuOfMachine();
  [[nodiscard]] double Memory() const;
  [[nodiscard]] double OpenFiles() const;
  [[nodiscard]] double Pressure(std::string_view resource) const;

  HostFiles files_;
  std::string unified_;  // Directory of the control group, v2.
  std::string memory_;   // And of its memory, v1; empty: none.
  double quota_cpus_;    // Infinite: none.
  // At the last sample.
  std::optional<double> used_seconds_;
  SteadyTime used_at_{};
  std::optional<std::uint64_t> busy_ticks_;
  std::uint64_t all_ticks_ = 0;
};

}  // namespace sluice::platform
