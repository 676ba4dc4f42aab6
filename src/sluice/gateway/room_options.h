// Configuration → the options of the rooms. Pure translation.

#pragma once

#include <string>

#include "sluice/breaker/classify.h"
#include "sluice/breaker/options.h"
#include "sluice/contract/result.h"
#include "sluice/degrade/chain.h"
#include "sluice/gateway/config/config.h"
#include "sluice/limit/key_hash.h"
#include "sluice/limit/rate_limit.h"
#include "sluice/limit/retry_budget.h"
#include "sluice/traffic/upstream_options.h"

namespace sluice::gateway {

// `call_timeout` bounds a probe: a hanging one frees its slot after it, or a second if that is
// less.
[[nodiscard]] breaker::BreakerOptions OptionsOf(const config::BreakerConfig& config,
                                                const std::string& name,
                                                Nanos call_timeout);
[[nodiscard]] breaker::ClassifyOptions ClassifyOptionsOf(const config::BreakerConfig& config);

// Fails with kInvalidConfig when an override does not name a key of this rule.
[[nodiscard]] Result<limit::RateLimitOptions> OptionsOf(const config::RateLimitConfig& config,
                                                        const limit::KeyHasher& hasher);

[[nodiscard]] limit::RetryBudgetOptions OptionsOf(const config::RetryBudgetConfig& config);

// Fails with kInvalidConfig for a bad endpoint.
[[nodiscard]] Result<traffic::UpstreamOptions> OptionsOf(const config::UpstreamConfig& config);

// The bodies of static answers that name a file must have been read into `body` before. Fails with
// kInvalidConfig for a template that the loader should have refused.
[[nodiscard]] Result<degrade::ChainOptions> OptionsOf(const config::DegradeConfig& config,
                                                      const std::string& name);

}  // namespace sluice::gateway
