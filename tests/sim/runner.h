// Runner: plays a scenario against a system, in simulated time.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/scenario.h"
#include "tests/sim/system_under_test.h"

namespace sluice::scenario {

struct RunReport {
  // "file:line: what was expected, what happened"; empty when all went as expected.
  std::vector<std::string> failures;
  std::string timeline;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
};

// Seed 0 plays everything in the order it was made. Any other seed shuffles what happens at one
// moment and cuts bytes at random places.
[[nodiscard]] RunReport PlayScenario(const Scenario& scenario,
                                     std::uint64_t seed,
                                     const MakeSystem& make);

}  // namespace sluice::scenario
