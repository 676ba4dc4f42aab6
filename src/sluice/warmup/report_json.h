// A WarmupReport for machines: one JSON object. docs/systems/warmup.md is its reference.

#pragma once

#include <string>

#include "sluice/warmup/report.h"

namespace sluice::warmup {

// Indented, without a newline at its end. Times are in milliseconds.
[[nodiscard]] std::string ReportJson(const WarmupReport& report);

}  // namespace sluice::warmup
