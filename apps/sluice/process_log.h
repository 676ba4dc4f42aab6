// The process's own log: one line per change of state, to stderr.

#pragma once

#include <string_view>

namespace sluice::app {

// A past-tense event and its fields: "breaker_opened upstream=pay failures=12". Thread-safe.
void LogLine(std::string_view line);

// Before the first line. From spdlog's levels: "info", "warn", "error", "off".
void SetUpLog(std::string_view level);

}  // namespace sluice::app
