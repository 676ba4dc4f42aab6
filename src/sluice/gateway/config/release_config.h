// The part of Config that says who is released, to whom, and by which steps: see config.h for the
// rules, and release/plan.h and release/judge_options.h for the plan itself.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/gateway/config/match_config.h"
#include "sluice/release/plan.h"

namespace sluice::gateway::config {

enum class ReleaseKeyKind : std::uint8_t { kClientIp, kHeader, kCookie, kQuery, kJwt };

// Where a user is known from.
struct ReleaseKeyPart {
  ReleaseKeyKind kind = ReleaseKeyKind::kClientIp;
  std::string name;  // Header (lower-cased), cookie, query parameter or claim of the token.
  friend bool operator==(const ReleaseKeyPart&, const ReleaseKeyPart&) = default;
};

// Who has none of the key's parts: a cookie with an identity, a part of all requests, or stable.
enum class OnMissingKey : std::uint8_t { kIssueCookie, kRandom, kStable };

// The candidate has no usable endpoint: stable answers, or 503.
enum class OnNoEndpoint : std::uint8_t { kStable, kRefuse };

struct ReleaseMatchConfig {
  MatchConfig match;
  double sample_percent = 100;  // 0 .. 100 of the keys that match.
};

struct ReleaseConfig {
  release::PlanOptions plan;               // `name`, `stable`, `candidate`, `steps`, `judge`, ….
  std::vector<ReleaseKeyPart> key = {{}};  // 1 .. 8: the first that the request has.
  OnMissingKey on_missing_key = OnMissingKey::kRandom;
  OnNoEndpoint on_no_endpoint = OnNoEndpoint::kStable;
  bool protect = false;  // What fails on the candidate is sent once more, to stable.
  std::vector<ReleaseMatchConfig> match;  // 0 .. 32: any of them leads to the candidate.
  std::vector<MatchConfig> never;         // 0 .. 32: any of them keeps stable.
  std::string order_secret_file;          // Whose first line signs orders; empty: none is believed.
};

}  // namespace sluice::gateway::config
