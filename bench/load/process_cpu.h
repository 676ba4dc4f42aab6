// What processes have used of the processor, to the nanosecond.
//
// The sum is the kernel's own account of run time (clock_getcpuclockid(3)). Its split into user
// and kernel is sampled by the timer tick, so it needs seconds of run time to settle.

#pragma once

#include <span>

#include <sys/types.h>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::load {

struct CpuUse {
  Nanos total{0};
  Nanos user_sampled{0};    // Multiples of the tick.
  Nanos kernel_sampled{0};  // Likewise.
  Nanos waited{0};          // Ready to run, but another process had the core: the disturbance.
};

// Sums over `processes` and all their threads. Fails with kNotFound when one of them is gone.
[[nodiscard]] Result<CpuUse> ReadCpuUse(std::span<const pid_t> processes);

[[nodiscard]] CpuUse operator-(const CpuUse& later, const CpuUse& earlier);

}  // namespace sluice::load
