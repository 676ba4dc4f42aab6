// What `sluice warmup` says to people.

#pragma once

#include <string>

#include "sluice/warmup/report.h"

namespace sluice::app {

// One line while it runs, without a newline.
[[nodiscard]] std::string WarmupProgress(const warmup::WarmupReport& report);

// The report at the end, some lines.
[[nodiscard]] std::string WarmupText(const std::string& target, const warmup::WarmupReport& report);

}  // namespace sluice::app
