#include "sluice/gateway/release_plan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/config/show.h"
#include "sluice/release/digest.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t kPrintDigits = 16;

std::string PrintOf(std::string_view text) {
  return release::Hex(release::Sha256(text)).substr(0, kPrintDigits);
}

std::string FingerprintOf(const config::ReleaseConfig& config, const config::Config& all) {
  if (!config.plan.version.empty()) return config.plan.version;
  const auto upstream =
      std::ranges::find(all.upstreams, config.plan.candidate, &config::UpstreamConfig::name);
  if (upstream == all.upstreams.end()) return {};
  return PrintOf(fmt::format("{}", fmt::join(upstream->endpoints, "\n")));
}

// The release as it is written, defaults filled in: whatever of it changes makes another run.
std::string RunOf(const config::ReleaseConfig& config, const config::Config& all) {
  config::Config alone;
  alone.releases.push_back(config);
  const nlohmann::json shown = nlohmann::json::parse(config::ToJson(alone), nullptr, false);
  return PrintOf(shown["releases"].dump() + FingerprintOf(config, all));
}

}  // namespace

Result<ReleasePlan> CompileRelease(const config::ReleaseConfig& config,
                                   const config::Config& all,
                                   std::string order_secret) {
  ReleasePlan plan{.config = &config,
                   .salt_seed = release::SaltSeed(config.plan.effective_salt()),
                   .order_secret = std::move(order_secret),
                   .fingerprint = FingerprintOf(config, all),
                   .run = RunOf(config, all)};
  for (const config::MatchConfig& rule : config.never) {
    Result<RouteMatcher> matcher = RouteMatcher::Create(rule);
    if (!matcher) return std::unexpected(matcher.error());
    plan.never.push_back(std::move(*matcher));
  }
  for (const config::ReleaseMatchConfig& rule : config.match) {
    Result<RouteMatcher> matcher = RouteMatcher::Create(rule.match);
    if (!matcher) return std::unexpected(matcher.error());
    plan.match.push_back({.matcher = std::move(*matcher),
                          .sample_buckets = release::BucketsOfPercent(rule.sample_percent)});
  }
  std::size_t channel = 0;
  for (const release::MetricOptions& metric : config.plan.judge.metrics) {
    ReleaseProbe probe{.first_channel = channel, .channels = metric.channels()};
    if (!metric.is_latency()) {
      Result<release::EventRule> rule = release::EventRule::Parse(metric.event);
      if (!rule) return std::unexpected(rule.error());
      for (const std::string_view text : rule->pointers()) {
        auto pointer = flows::JsonPointer::Parse(text);
        if (!pointer) return Fail(ErrorCode::kInvalidConfig, pointer.error());
        plan.body_pointers.emplace(text, std::move(*pointer));
      }
      probe.rule = std::move(*rule);
    }
    channel += probe.channels;
    plan.probes.push_back(std::move(probe));
  }
  return plan;
}

}  // namespace sluice::gateway
