#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/text_rules.h"
#include "sluice/release/plan.h"
#include "sluice/wire/url.h"

namespace sluice::gateway::config {
namespace {

const UpstreamConfig* FindUpstream(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.upstreams, name, &UpstreamConfig::name);
  return found == config.upstreams.end() ? nullptr : &*found;
}

void RequireUpstream(const Config& config,
                     const std::string& name,
                     const std::string& path,
                     Findings& findings) {
  if (name.empty() || FindUpstream(config, name) != nullptr) return;
  std::vector<std::string_view> names;
  for (const UpstreamConfig& upstream : config.upstreams)
    names.push_back(upstream.name);
  findings.Complain(path, fmt::format("must name one of `upstreams`, got \"{}\"{}", Shown(name),
                                      DidYouMean(name, names)));
}

// A plan without effect is worse than none: somebody believes that it has been tried.
void CheckEffect(const Config& config,
                 const ReleaseConfig& release,
                 const std::string& path,
                 Findings& findings) {
  const std::string& stable = release.plan.stable;
  const UpstreamConfig* const before = FindUpstream(config, stable);
  const UpstreamConfig* const after = FindUpstream(config, release.plan.candidate);
  const bool is_used = std::ranges::any_of(
      config.routes, [&stable](const RouteConfig& route) { return route.upstream == stable; });
  if (before != nullptr && !is_used) {
    findings.Complain(path + ".stable",
                      fmt::format("must be the upstream of a route, got \"{}\": this plan cannot "
                                  "change any traffic",
                                  Shown(stable)));
  }
  if (before == nullptr || after == nullptr || before == after) return;
  if (before->endpoints == after->endpoints && release.plan.version.empty()) {
    findings.Complain(path + ".candidate",
                      fmt::format("must have other endpoints than `stable`, got {} for both: this "
                                  "plan cannot change any traffic",
                                  fmt::join(after->endpoints, ", ")));
  }
}

void CheckHooks(const ReleaseConfig& release, const std::string& path, Findings& findings) {
  for (std::size_t i = 0; i < release.plan.steps.size(); ++i) {
    const std::vector<release::HookOptions>& hooks = release.plan.steps[i].hooks;
    for (std::size_t j = 0; j < hooks.size(); ++j) {
      if (hooks[j].url.empty()) continue;
      const Result<wire::HttpUrl> url = wire::ParseHttpUrl(hooks[j].url);
      const std::string place = fmt::format("{}.steps[{}].hooks[{}].url", path, i, j);
      if (!url) {
        findings.Complain(place, fmt::format("must be a URL: {}", url.error().detail));
      } else if (url->is_https) {
        findings.Complain(place, "must begin with http://: TLS is not available yet");
      }
    }
  }
}

}  // namespace

void CheckReleases(const Config& config, Findings& findings) {
  std::set<std::string> names;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < config.releases.size(); ++i) {
    const ReleaseConfig& release = config.releases[i];
    const std::string path = Child("releases", i);
    RequireUpstream(config, release.plan.stable, path + ".stable", findings);
    RequireUpstream(config, release.plan.candidate, path + ".candidate", findings);
    CheckEffect(config, release, path, findings);
    CheckHooks(release, path, findings);
    ConfigProblems problems;
    release::Validate(release.plan, path, problems);
    for (const ConfigProblem& problem : problems)
      findings.Complain(problem.path, problem.text);
    if (!release.plan.name.empty() && !names.insert(release.plan.name).second) {
      findings.Complain(path + ".name",
                        fmt::format("must be unique, got \"{}\" twice", release.plan.name));
    }
    for (const std::string* upstream : {&release.plan.stable, &release.plan.candidate}) {
      if (upstream->empty() || taken.insert(*upstream).second) continue;
      const char* const field = upstream == &release.plan.stable ? ".stable" : ".candidate";
      findings.Complain(path + field,
                        fmt::format("must be in one release only, got \"{}\" again; end the other "
                                    "release first",
                                    Shown(*upstream)));
    }
  }
}

}  // namespace sluice::gateway::config
