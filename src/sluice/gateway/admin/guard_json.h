// What all entries of /api/v1/guards have in common.

#pragma once

#include <nlohmann/json.hpp>

#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"

namespace sluice::gateway::admin {

[[nodiscard]] inline double Seconds(Nanos span) {
  return static_cast<double>(span.count()) / 1e9;
}

// Whether the guard's refusals refuse: `mode`, and `enforce_percent` where only a part of them
// does. `config` is any guard's.
template <typename Config>
void AddMode(const Config& config, nlohmann::ordered_json& json) {
  json["mode"] = NameOf(config.mode);
  if (config.mode == GuardMode::kEnforce && config.enforce_percent < 100) {
    json["enforce_percent"] = config.enforce_percent;
  }
}

}  // namespace sluice::gateway::admin
