// The clocks of the machine, for whoever has no loop at hand: main(), a thread of its own.

#pragma once

#include "sluice/contract/time.h"

namespace sluice::platform {

// CLOCK_MONOTONIC.
[[nodiscard]] SteadyTime ReadSteadyClock();
// CLOCK_REALTIME.
[[nodiscard]] WallTime ReadWallClock();

}  // namespace sluice::platform
