// Complete: brings a configuration that was read into the one form that the gateway uses.

#pragma once

#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/findings.h"

namespace sluice::gateway::config {

// Names of header fields and hosts in lower case, a burst of `auto` as a number. Idempotent.
// Complains about fields that become one.
void Complete(Config& config, Findings& findings);

}  // namespace sluice::gateway::config
