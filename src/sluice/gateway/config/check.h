// What no single value can break: references, clashes, settings that contradict one another.
//
// Problems refuse the configuration, warnings only say what is probably not meant.

#pragma once

#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/findings.h"

namespace sluice::gateway::config {

// All of the checks below. `config` is complete (complete.h).
void Check(const Config& config, Findings& findings);

// Listeners and the admin API: names, addresses, the token.
void CheckListeners(const Config& config, Findings& findings);
// Upstreams: names, endpoints, ring_hash, breakers, being critical.
void CheckUpstreams(const Config& config, Findings& findings);
// Routes: names, references, what belongs to which action and match.
void CheckRoutes(const Config& config, Findings& findings);
// Rate limits: names, bursts, keys that the routes must provide, being used.
void CheckLimits(const Config& config, Findings& findings);
// Concurrency limits and overload: names, bounds that depend on one another, being used.
void CheckOverload(const Config& config, Findings& findings);
// What is recorded: names that rules refer to, what is probably not meant.
void CheckRecord(const Config& config, Findings& findings);
// Degrade chains: their steps, being used.
void CheckDegrade(const Config& config, Findings& findings);
// Flows: names, references, cycles, policies, being used.
void CheckFlows(const Config& config, Findings& findings);
// Releases: names, references, plans that can change traffic, one for each stable.
void CheckReleases(const Config& config, Findings& findings);
// A breaker at `path`, of an upstream or a route.
void CheckBreaker(const BreakerConfig& breaker, const std::string& path, Findings& findings);
// Routes that no request can reach because an earlier one takes all of theirs.
void CheckReachable(const Config& config, Findings& findings);

}  // namespace sluice::gateway::config
