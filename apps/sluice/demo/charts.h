// What the demo draws: tables of what users got, and the calls of a booking over time. Pure.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "demo/load.h"
#include "demo/tally.h"
#include <nlohmann/json.hpp>

namespace sluice::demo {

struct PhaseRow {
  std::string name;
  Tally tally;
};

// A line for each phase below a line of heads. What is never the case has no column.
[[nodiscard]] std::vector<std::string> PhaseTable(const std::vector<PhaseRow>& rows);
// The same for machines.
[[nodiscard]] nlohmann::ordered_json PhasesAsJson(const std::vector<PhaseRow>& rows);

struct Bar {
  std::string name;
  double start_ms = 0;
  double end_ms = 0;
  bool is_critical = false;
};

// A line for each bar, `columns` characters from 0 to the last end; critical ones are solid.
[[nodiscard]] std::vector<std::string> TimeChart(const std::vector<Bar>& bars, std::size_t columns);

}  // namespace sluice::demo
