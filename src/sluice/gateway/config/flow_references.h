// FlowReferences: what the texts of a node, or of a response, ask for, each with the path of the
// text in the configuration. For checks.

#pragma once

#include <string>
#include <vector>

#include "sluice/gateway/config/flow_config.h"
#include "sluice/gateway/flows/reference.h"

namespace sluice::gateway::config {

struct PlacedReference {
  std::string path;  // "flows[0].nodes[1].path"
  flows::Reference reference;
};

// Texts that are no templates are left out: they have been complained of.
[[nodiscard]] std::vector<PlacedReference> ReferencesOf(const FlowNodeConfig& node,
                                                        const std::string& path);
[[nodiscard]] std::vector<PlacedReference> ReferencesOf(const FlowResponseConfig& response,
                                                        const std::string& path);

}  // namespace sluice::gateway::config
