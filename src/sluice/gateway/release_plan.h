// ReleasePlan: one release as requests see it: compiled, immutable, part of a Snapshot.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/flows/json_text.h"
#include "sluice/gateway/release_state.h"
#include "sluice/gateway/router.h"
#include "sluice/release/event_rule.h"

namespace sluice::gateway {

inline constexpr std::size_t kNoRelease = static_cast<std::size_t>(-1);

// How an answer becomes events: by a rule, or by the thresholds of `channels` quantiles.
struct ReleaseProbe {
  std::optional<release::EventRule> rule;
  std::size_t first_channel = 0;
  std::size_t channels = 1;
};

struct ReleaseMatch {
  RouteMatcher matcher;
  std::uint32_t sample_buckets = release::kBuckets;
};

struct ReleasePlan {
  const config::ReleaseConfig* config = nullptr;  // Of the snapshot's own Config.
  std::size_t stable = 0;                         // Indices into Snapshot::upstreams.
  std::size_t candidate = 0;
  std::uint64_t salt_seed = 0;
  std::vector<RouteMatcher> never;
  std::vector<ReleaseMatch> match;
  std::vector<ReleaseProbe> probes;
  std::map<std::string, flows::JsonPointer, std::less<>> body_pointers;  // That probes ask for.
  std::string order_secret;  // Empty: no signed order is believed.
  std::string fingerprint;   // Of the candidate: its version, or its endpoints.
  std::string run;           // Of all that makes the run what it is; another one ends it.
  std::shared_ptr<ReleaseState> state;
};

// All but the indices and the state. `order_secret`: the secret's file, read. Fails with
// kInvalidConfig for what the loader should have refused.
[[nodiscard]] Result<ReleasePlan> CompileRelease(const config::ReleaseConfig& config,
                                                 const config::Config& all,
                                                 std::string order_secret);

}  // namespace sluice::gateway
