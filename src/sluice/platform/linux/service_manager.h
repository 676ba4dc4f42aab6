// What the service manager (systemd) is told about this process.

#pragma once

#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::platform {

// As sd_notify(3): "READY=1", "STOPPING=1", "MAINPID=4711"; several lines separated by '\n'. Does
// nothing without $NOTIFY_SOCKET. Fails with kInvalidOption (no usable address) or kInputOutput.
[[nodiscard]] Result<void> NotifyServiceManager(std::string_view state);

}  // namespace sluice::platform
