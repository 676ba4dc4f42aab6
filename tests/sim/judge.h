// Judge: does what a client got fit what the scenario expects?

#pragma once

#include <string>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/scenario.h"

namespace sluice::scenario {

// Empty when all is well; else one sentence for each answer that is not as expected.
[[nodiscard]] std::vector<std::string> Judge(const Expectation& expectation,
                                             const std::vector<Answer>& answers);

[[nodiscard]] bool Fits(const Outcome& outcome, const Answer& answer);

// "503 {"error":…} after 1.2ms", "reset after 5ms".
[[nodiscard]] std::string Tell(const Answer& answer);
[[nodiscard]] std::string Tell(const Outcome& outcome);
[[nodiscard]] std::string Tell(Nanos span);

}  // namespace sluice::scenario
