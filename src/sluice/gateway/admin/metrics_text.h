// /metrics: everything that is counted, in the text format of Prometheus. docs/metrics.md lists it.

#pragma once

#include <string>

#include "sluice/gateway/admin/admin_api.h"
#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {

[[nodiscard]] std::string MetricsText(Gateway& gateway, const ProcessHooks& hooks);

}  // namespace sluice::gateway::admin
