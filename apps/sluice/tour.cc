#include "tour.h"

#include "exit_codes.h"

#include "sluice/platform/linux/signals.h"

namespace sluice::app {

int Tour(const demo::DemoOptions& options) {
  platform::BlockSignals();
  switch (demo::Play(options)) {
    case demo::DemoEnd::kAllHeld:
      return kSuccess;
    case demo::DemoEnd::kCheckFailed:
      return kCheckFailed;
    case demo::DemoEnd::kDidNotStart:
      break;
  }
  return kUnreachable;
}

}  // namespace sluice::app
