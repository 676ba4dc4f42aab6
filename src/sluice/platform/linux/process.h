// What this process is and may use: limits, CPUs, memory, entropy.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"

namespace sluice::platform {

// Raises the soft limit of open files to the hard one; returns the new limit. Fails with
// kPermissionDenied or kInputOutput.
[[nodiscard]] Result<std::uint64_t> RaiseFileLimit();

// How many CPUs this process may keep busy: its affinity mask, bounded by the CPU quota of its
// control group (v2 or v1), rounded up. At least 1. For `workers: auto`.
[[nodiscard]] unsigned UsableCpus();

// Where to look for the quota of a control group; a parameter, so that it can be tested.
struct CgroupFiles {
  std::string root;         // "/sys/fs/cgroup".
  std::string self_cgroup;  // What /proc/self/cgroup says.
};

// The quota in CPUs (1.5: one and a half); infinite when there is none.
[[nodiscard]] double CpuQuotaOf(const CgroupFiles& files);

struct ProcessUsage {
  Bytes resident = 0;          // Resident set.
  std::size_t open_files = 0;  // Descriptors in use.
  double cpu_seconds = 0;      // User and system, since the start.
};

// Reads a few files of /proc: some tens of µs, for scrapes. Fails with kInputOutput without /proc.
[[nodiscard]] Result<ProcessUsage> ReadProcessUsage();

// 64 bits of getrandom(2), to seed a Random or a keyed hash.
[[nodiscard]] std::uint64_t RandomSeed();

}  // namespace sluice::platform
