// A flow out of a file, for `sluice dag`.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/gateway/config/config.h"

namespace sluice::app {

struct DagFile {
  gateway::config::Config config;
  gateway::config::FlowConfig flow;  // The one that was asked for.

  [[nodiscard]] std::vector<std::string> UpstreamNames() const;
};

// Says what is wrong on standard error, every problem at once.
[[nodiscard]] std::optional<DagFile> LoadDagFile(const std::string& file, std::string_view flow);

}  // namespace sluice::app
