#include "sluice/platform/linux/clock.h"

#include <ctime>

#include "sluice/contract/assert.h"

namespace sluice::platform {
namespace {

Nanos Read(clockid_t clock) {
  timespec time{};
  SLUICE_ASSERT(::clock_gettime(clock, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + Nanos(time.tv_nsec);
}

}  // namespace

SteadyTime ReadSteadyClock() {
  return SteadyTime(Read(CLOCK_MONOTONIC));
}

WallTime ReadWallClock() {
  return WallTime(Read(CLOCK_REALTIME));
}

}  // namespace sluice::platform
