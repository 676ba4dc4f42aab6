// Configuration of overload control → the options of the limit room. Pure translation.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sluice/gateway/config/config.h"
#include "sluice/limit/adaptive_throttle.h"
#include "sluice/limit/concurrency_limit.h"
#include "sluice/limit/criticality.h"
#include "sluice/limit/resource_overload.h"
#include "sluice/limit/system_rules.h"

namespace sluice::gateway {

// `workers` for `min_limit: auto`.
[[nodiscard]] limit::ConcurrencyOptions OptionsOf(const config::ConcurrencyLimitConfig& config,
                                                  std::size_t workers);
[[nodiscard]] limit::AdaptiveThrottleOptions OptionsOf(const config::AdmissionControlConfig& config,
                                                       const std::string& name);
// Without the processor's rule where the controller sheds by it.
[[nodiscard]] limit::SystemRulesOptions SystemOptionsOf(const config::OverloadConfig& config);
[[nodiscard]] std::vector<limit::ResourceTrigger> TriggersOf(const config::OverloadConfig& config);
[[nodiscard]] limit::Criticality CriticalityOf(config::CriticalityClass criticality);

}  // namespace sluice::gateway
