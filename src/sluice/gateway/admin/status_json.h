// The read-only pages of the admin API as JSON.

#pragma once

#include <string>

#include "sluice/gateway/admin/admin_api.h"
#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {

[[nodiscard]] std::string StatusJson(Gateway& gateway, const ProcessHooks& hooks);

// These need a configuration in force.
[[nodiscard]] std::string RoutesJson(Gateway& gateway);
[[nodiscard]] std::string UpstreamsJson(Gateway& gateway);
[[nodiscard]] std::string GuardsJson(Gateway& gateway);

}  // namespace sluice::gateway::admin
