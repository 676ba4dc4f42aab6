// `sluice demo`: a guided tour of the booking example, under load. Each step tells what it does,
// does it, shows what users see, and checks it.

#pragma once

#include <string>
#include <vector>

namespace sluice::demo {

struct DemoOptions {
  std::string only;         // The name of one step; empty: all.
  std::string binaries;     // The folder of `sluice` and `sluice-booking`; empty: that of this one.
  std::string config_file;  // Of the gateway; empty: that of examples/booking.
  bool json = false;
};

enum class DemoEnd { kAllHeld, kCheckFailed, kDidNotStart };

// Blocks for about a minute, less for one step. Requires that signals are blocked
// (platform::BlockSignals). Prints the tour, or one JSON document at its end.
[[nodiscard]] DemoEnd Play(const DemoOptions& options);

// The names that `only` may have, in order.
[[nodiscard]] std::vector<std::string> StepNames();

}  // namespace sluice::demo
