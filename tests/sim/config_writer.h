// Writes the gateway's configuration from a scenario's sentences, where no block gives one.

#pragma once

#include <string>

#include "tests/sim/scenario.h"

namespace sluice::scenario {

// YAML: a listener, an upstream for each of the scenario's, and a route for each by the prefix
// `/NAME`, with the breakers, fallbacks, timeouts (1 s unless given) and limits of the sentences. A
// sentence for "/pay" means the route of upstream `pay`.
[[nodiscard]] std::string WriteConfig(const Scenario& scenario);

}  // namespace sluice::scenario
