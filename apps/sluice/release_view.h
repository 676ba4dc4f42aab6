// How a release is drawn in a terminal: its plan as bars, its evidence, its verdict.
//
// Pure functions; any thread.

#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace sluice::app {

// One line a metric: rates of both sides, and how strong the evidence is.
[[nodiscard]] std::string MetricLine(const nlohmann::json& metric);

// `release` as the admin API tells it. Lines without their ends, none wider than a terminal needs.
[[nodiscard]] std::vector<std::string> DrawingOf(const nlohmann::json& release);

}  // namespace sluice::app
