#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

constexpr std::array<std::string_view, 5> kAlgorithmNames{"gcra", "sliding_window", "fixed_window",
                                                          "sliding_log", "pacing"};
constexpr std::int64_t kLogLimitMax = 64;
constexpr std::int64_t kLogKeysMax = 1'000'000;

// The most tokens that one request can take, and what that is called.
struct Capacity {
  std::int64_t tokens = 0;
  std::string_view field;
};

Capacity CapacityOf(const RateLimitConfig& rule, std::int64_t limit, std::int64_t burst) {
  if (rule.algorithm == RateAlgorithm::kGcra) return {.tokens = burst, .field = "burst"};
  if (rule.algorithm != RateAlgorithm::kPacing) return {.tokens = limit, .field = "limit"};
  const double slots = static_cast<double>(rule.max_queueing_time.count()) *
                       static_cast<double>(limit) / static_cast<double>(rule.period.count());
  constexpr double kMost = 1e9;
  return {.tokens = 1 + static_cast<std::int64_t>(std::min(slots, kMost)),
          .field = "number of places in the queue"};
}

void CheckCost(const RateLimitConfig& rule, const std::string& path, Findings& findings) {
  const Capacity most = CapacityOf(rule, rule.limit, rule.burst);
  if (rule.limit > 0 && rule.cost > most.tokens) {
    findings.Complain(path + ".cost",
                      fmt::format("must be at most the {} ({}), got {}: no request could ever "
                                  "pass",
                                  most.field, most.tokens, rule.cost));
  }
  const bool is_gcra = rule.algorithm == RateAlgorithm::kGcra;
  for (const auto& [key, other] : rule.overrides) {
    const std::int64_t own = CapacityOf(rule, other.limit, other.burst).tokens;
    if (other.limit == 0 || rule.cost <= own) continue;
    findings.Complain(Child(Child(path + ".overrides", key), is_gcra ? "burst" : "limit"),
                      fmt::format("must be at least the cost ({}), got {}: no request of this key "
                                  "could ever pass",
                                  rule.cost, is_gcra ? other.burst : other.limit));
  }
}

// What belongs to one algorithm and says nothing with another.
void CheckAlgorithm(const RateLimitConfig& rule, const std::string& path, Findings& findings) {
  const RateLimitConfig defaults;
  const std::string_view name = kAlgorithmNames[static_cast<std::size_t>(rule.algorithm)];
  const auto foreign = [&](const std::string& field, std::string_view owner, bool is_set) {
    if (!is_set) return;
    findings.Complain(path + field,
                      fmt::format("belongs to {}, and `algorithm` is {}; remove it", owner, name));
  };
  if (rule.algorithm != RateAlgorithm::kGcra) {
    foreign(".burst", "gcra", rule.burst != 0);
    foreign(".init_fill_ratio", "gcra", rule.init_fill_ratio != defaults.init_fill_ratio);
    foreign(".warm_up", "gcra", rule.warm_up.has_value());
    foreign(".learn", "gcra", rule.learn.has_value());
    for (const auto& [key, other] : rule.overrides)
      foreign(Child(Child(".overrides", key), "burst"), "gcra", other.burst != 0);
  }
  if (rule.algorithm != RateAlgorithm::kPacing) {
    foreign(".max_queueing_time", "pacing", rule.max_queueing_time != defaults.max_queueing_time);
  } else if (rule.drain_on_reject) {
    findings.Complain(path + ".drain_on_reject",
                      "says nothing with pacing, which keeps no tokens; remove it");
  }
  if (rule.algorithm != RateAlgorithm::kFixedWindow && rule.calendar != CalendarPeriod::kNone) {
    findings.Complain(path + ".period",
                      fmt::format("must be a duration, because `algorithm` is {}; periods of the "
                                  "calendar belong to fixed_window",
                                  name));
  }
}

void CheckLearn(const RateLimitConfig& rule, const std::string& path, Findings& findings) {
  if (!rule.learn) return;
  if (rule.mode != GuardMode::kShadow) {
    findings.Complain(path + ".learn",
                      "must stand in a rule of `mode: shadow`: a limit that still learns must "
                      "refuse nobody; to enforce, remove learn and write the limit that "
                      "`sluice status --would-have` tells");
  }
  if (rule.key.empty()) {
    findings.Complain(path + ".learn",
                      "must stand beside `key`: what is learnt is how much one of many asks");
  }
}

void CheckWarmUp(const RateLimitConfig& rule, const std::string& path, Findings& findings) {
  if (!rule.warm_up) return;
  if (!rule.key.empty()) {
    findings.Complain(path + ".warm_up",
                      "must not stand beside `key`: what warms up is what stands behind the "
                      "gateway, not a user; put it into a limit of its own without key");
  }
  if (rule.init_fill_ratio != 1) {
    findings.Complain(path + ".init_fill_ratio",
                      fmt::format("must be 1 beside warm_up, which says how the limit starts, got "
                                  "{}",
                                  rule.init_fill_ratio));
  }
  if (rule.warm_up->cold_factor == 1) {
    findings.Complain(path + ".warm_up.cold_factor",
                      "must be above 1, got 1; without a slower start remove warm_up");
  }
}

void CheckLog(const RateLimitConfig& rule, const std::string& path, Findings& findings) {
  if (rule.algorithm != RateAlgorithm::kSlidingLog) return;
  const auto check = [&](const std::string& place, std::int64_t limit) {
    if (limit <= kLogLimitMax) return;
    findings.Complain(place + ".limit",
                      fmt::format("must be at most {} with sliding_log, which keeps the time of "
                                  "each token, got {}; use gcra or sliding_window",
                                  kLogLimitMax, limit));
  };
  check(path, rule.limit);
  for (const auto& [key, other] : rule.overrides)
    check(Child(path + ".overrides", key), other.limit);
  if (rule.max_keys > kLogKeysMax) {
    findings.Complain(path + ".max_keys", fmt::format("must be at most {} with sliding_log, got {}",
                                                      kLogKeysMax, rule.max_keys));
  }
}

// Beyond these the limiter's arithmetic in whole ticks would be exact no more, and neither is a
// limit that somebody means.
constexpr double kFillNanosMax = 100.0 * 86'400 * 1e9;

void CheckPace(std::int64_t limit,
               std::int64_t burst,
               Nanos period,
               const std::string& path,
               Findings& findings) {
  if (limit == 0) return;  // Required, and missing.
  if (limit > period.count()) {
    findings.Complain(path + ".limit",
                      fmt::format("must be at most one a nanosecond, got {} in {}; that is as good "
                                  "as no limit",
                                  limit, PrintDuration(period)));
  }
  const double fill_nanos =
      static_cast<double>(burst) * static_cast<double>(period.count()) / static_cast<double>(limit);
  if (fill_nanos > kFillNanosMax) {
    findings.Complain(path + ".burst",
                      fmt::format("must refill within 100 days at this limit, got {}; lower it or "
                                  "shorten the period",
                                  burst));
  }
}

// The parts of an override's text, each of which must be one that its part of the key can have.
void CheckOverride(const std::vector<RateKeyPart>& key,
                   std::string_view text,
                   const std::string& path,
                   Findings& findings) {
  std::string_view rest = text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const bool is_last = i + 1 == key.size();
    const std::size_t bar = is_last ? rest.size() : rest.find('|');
    if (bar == std::string_view::npos) {
      return findings.Complain(path,
                               fmt::format("must have a part for each of the {} of `key`, joined "
                                           "by \"|\"",
                                           key.size()));
    }
    const std::string_view part = rest.substr(0, bar);
    rest.remove_prefix(is_last ? bar : bar + 1);
    if (key[i].kind == RateKeyKind::kIp && !Address::ParseIp(part)) {
      findings.Complain(path, fmt::format("must be an address, got \"{}\"", Shown(part)));
    }
    if (key[i].kind == RateKeyKind::kGeneric && part != key[i].name) {
      findings.Complain(path,
                        fmt::format("must be \"{}\", got \"{}\"", Shown(key[i].name), Shown(part)));
    }
  }
}

void CheckOverrides(const RateLimitConfig& limit, const std::string& path, Findings& findings) {
  if (limit.key.empty()) return;
  for (const auto& [text, other] : limit.overrides) {
    const std::string place = Child(path + ".overrides", text);
    CheckOverride(limit.key, text, place, findings);
    CheckPace(other.limit, other.burst, limit.period, place, findings);
  }
}

void CheckKey(const RateLimitConfig& limit, const std::string& path, Findings& findings) {
  for (std::size_t i = 0; i < limit.key.size(); ++i) {
    const auto begin = limit.key.begin();
    const auto here = begin + static_cast<std::ptrdiff_t>(i);
    if (std::find(begin, here, limit.key[i]) == here) continue;
    findings.Complain(Child(path + ".key", i), "must be unique, and stands in this key already");
  }
  if (!limit.key.empty() && limit.init_fill_ratio != 1) {
    findings.Complain(path + ".init_fill_ratio",
                      fmt::format("must be 1 with a `key`, got {}; a key not seen before has its "
                                  "whole burst",
                                  limit.init_fill_ratio));
  }
  if (!limit.key.empty()) return;
  const RateLimitConfig defaults;
  const auto refuse = [&](std::string_view field, bool is_set) {
    if (!is_set) return;
    findings.Complain(Child(path, field),
                      "needs a `key`: without one all requests share one bucket");
  };
  refuse("overrides", !limit.overrides.empty());
  refuse("max_keys", limit.max_keys != defaults.max_keys);
  refuse("on_table_full", limit.on_table_full != defaults.on_table_full);
}

}  // namespace

void CheckLimits(const Config& config, Findings& findings) {
  std::set<std::string> used;
  for (const RouteConfig& route : config.routes)
    used.insert(route.rate_limits.begin(), route.rate_limits.end());

  std::set<std::string> names;
  for (std::size_t i = 0; i < config.rate_limits.size(); ++i) {
    const RateLimitConfig& limit = config.rate_limits[i];
    const std::string path = Child("rate_limits", i);
    CheckCost(limit, path, findings);
    CheckAlgorithm(limit, path, findings);
    CheckWarmUp(limit, path, findings);
    CheckLearn(limit, path, findings);
    CheckLog(limit, path, findings);
    CheckKey(limit, path, findings);
    CheckPace(limit.limit, limit.burst, limit.period, path, findings);
    CheckOverrides(limit, path, findings);
    if (limit.name.empty()) continue;
    if (!names.insert(limit.name).second) {
      findings.Complain(path + ".name",
                        fmt::format("must be unique, got \"{}\" twice", limit.name));
    }
    if (!used.contains(limit.name)) {
      findings.WarnUnused(path,
                          fmt::format("rate limit \"{}\" is not used by any route", limit.name));
    }
  }
}

}  // namespace sluice::gateway::config
