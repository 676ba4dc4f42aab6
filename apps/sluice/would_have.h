// `sluice status --would-have`: what the rules have refused, or would have if they were enforced.

#pragma once

#include "operate.h"

namespace sluice::app {

// Prints a line a rule, those first that would have refused most, and why. Returns the exit code: 3
// when the gateway cannot be reached.
[[nodiscard]] int WouldHave(const OperateOptions& options);

}  // namespace sluice::app
