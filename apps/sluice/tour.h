// `sluice demo`: plays the tour of demo/ and turns its end into an exit code.

#pragma once

#include "demo/demo.h"

namespace sluice::app {

// Blocks. 0 when every check held, 1 when one did not, 3 when the system could not be started.
[[nodiscard]] int Tour(const demo::DemoOptions& options);

}  // namespace sluice::app
