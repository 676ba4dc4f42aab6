// From a tree of text into the typed Config, by way of its slots.

#pragma once

#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/findings.h"
#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/text_tree.h"

namespace sluice::gateway::config {

// Fills what `tree` says into `config` and records the place of each setting; every rule that a
// single value can break becomes a problem. What breaks one keeps its default (texts are kept).
void ReadInto(Config& config, const TextTree& tree, const LoadOptions& options, Findings& findings);

}  // namespace sluice::gateway::config
