// HostLoad: how hard the machine, or the part of it that is ours, is working.
//
// Sampled by the control loop a few times a second; `platform/linux` reads /proc and the process's
// control group, `platform/sim` says what a test tells it to.

#pragma once

#include "sluice/contract/time.h"

namespace sluice {

// A negative value is not known here: no control group, no limit, an old kernel.
struct HostLoad {
  double cpu_ratio = -1;         // Processor time used since the last sample, of what may be used.
  double memory_ratio = -1;      // Of the control group's limit.
  double open_files_ratio = -1;  // Of the process's limit of descriptors.
  double load1 = -1;             // Load average of a minute.
  // Pressure stall information: the part of the last 10 s that some task waited for it; 0 .. 1.
  double pressure_cpu = -1;
  double pressure_memory = -1;
  double pressure_io = -1;
};

class HostLoadSource {
 public:
  virtual ~HostLoadSource() = default;
  // What happened since the last call. Reads files that never block for long; a value that cannot
  // be read is negative.
  [[nodiscard]] virtual HostLoad Sample(SteadyTime now) = 0;
};

}  // namespace sluice
