// `sluice config running`: what a gateway that runs would be configured by.

#pragma once

#include "operate.h"

namespace sluice::app {

// Prints the configuration in force as YAML, only what differs from the defaults, and with the
// limits that were learnt in place of `learn`; says on stderr which rules still learn. Returns the
// exit code.
int ShowRunningConfig(const OperateOptions& options);

}  // namespace sluice::app
