#include "sluice/gateway/registry.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/gateway/breaker_by_hand.h"
#include "sluice/gateway/ejection.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/room_options.h"
#include "sluice/gateway/router.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kViaOff = "off";
constexpr Bytes kBodyFileMax = kMiB;

template <typename Plans>
auto FindByName(const Plans& plans, const std::string& name) {
  return std::ranges::find_if(plans,
                              [&name](const auto& plan) { return plan.config->name == name; });
}

template <typename Plans>
std::size_t IndexByName(const Plans& plans, const std::string& name) {
  return static_cast<std::size_t>(FindByName(plans, name) - plans.begin());
}

// An upstream whose options have changed is a new object with the old one's endpoints. It begins
// with the addresses that its names had, or it would have none until DNS answers again.
void SeedAddresses(const traffic::Upstream& before, traffic::Upstream& after, SteadyTime now) {
  std::vector<traffic::Upstream::Resolved> known;
  const auto& specs = after.options().endpoints;
  for (const traffic::EndpointMember& member : before.Endpoints()->members) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].address || specs[i].authority != member.endpoint->authority()) continue;
      known.push_back({.spec = i, .address = member.endpoint->address()});
    }
  }
  if (known.empty()) return;
  const std::size_t left_out = after.Publish(known, now);
  static_cast<void>(left_out);  // There is room: these are no more than there were.
}

std::unexpected<Error> Invalid(std::string detail) {
  return Fail(ErrorCode::kInvalidConfig, std::move(detail));
}

// Unknown hosts have a route like others, without guards.
Result<std::unique_ptr<UnknownHostPlan>> PlanUnknownHosts(const config::ListenerConfig& listener) {
  Result<RouteMatcher> matcher = RouteMatcher::Create({});
  if (!matcher) return Invalid(matcher.error().detail);
  auto plan = std::make_unique<UnknownHostPlan>(std::move(*matcher));
  plan->route_config.name = listener.name;
  plan->route_config.timeout = listener.egress.timeout;
  plan->upstream_config.name = listener.name;
  plan->upstream_config.healthy_panic_threshold = 0;
  plan->route.config = &plan->route_config;
  plan->upstream.config = &plan->upstream_config;
  plan->upstream.retry_budget =
      std::make_shared<limit::RetryBudget>(OptionsOf(plan->upstream_config.retry_budget));
  return plan;
}

// As good as none: a rule that learns refuses nobody until it has learnt, not even in its counts.
void LiftLimit(limit::RateLimitOptions& options) {
  options.limit = std::min<std::int64_t>(limit::kLimitMax, options.period.count());
  options.burst = limit::kBurstMax;
  options.init_fill_ratio = 1;
}

// How long a call to `upstream` may take, over all routes and flows that ask it.
Nanos LongestCall(const config::Config& config, const std::string& upstream) {
  Nanos longest(0);
  for (const config::RouteConfig& route : config.routes) {
    const auto flow = std::ranges::find(config.flows, route.flow, &config::FlowConfig::name);
    const bool is_asked =
        flow == config.flows.end()
            ? route.upstream == upstream
            : std::ranges::find(flow->nodes, upstream, &config::FlowNodeConfig::upstream) !=
                  flow->nodes.end();
    if (is_asked) longest = std::max(longest, route.timeout);
  }
  return longest;
}

}  // namespace

Registry::Registry(StatsBook& stats,
                   const limit::KeyHasher& key_hasher,
                   std::uint64_t seed,
                   ReadFile read_file)
    : stats_(stats), key_hasher_(key_hasher), next_seed_(seed), read_file_(std::move(read_file)) {}

Result<SnapshotPlan> Registry::Plan(config::Config config, SteadyTime now) {
  SnapshotPlan plan;
  plan.snapshot = std::make_shared<Snapshot>();
  Snapshot& snapshot = *plan.snapshot;
  snapshot.generation = generation_ + 1;
  snapshot.config = std::move(config);
  snapshot.workers = stats_.worker_count();
  if (snapshot.config.telemetry.via != kViaOff) {
    snapshot.via = fmt::format("1.1 {}", snapshot.config.telemetry.via);
  }
  for (const auto step : {&Registry::PlanUpstreams, &Registry::PlanFlows, &Registry::PlanRateLimits,
                          &Registry::PlanRoutes, &Registry::PlanReleases}) {
    const Result<void> planned = (this->*step)(plan, now);
    if (!planned) return std::unexpected(planned.error());
  }
  const Result<void> overload = PlanOverload(plan, current_.get(), stats_.worker_count(), now);
  if (!overload) return std::unexpected(overload.error());
  const Result<void> listeners = PlanListeners(plan);
  if (!listeners) return std::unexpected(listeners.error());
  return plan;
}

Result<void> Registry::PlanListeners(SnapshotPlan& plan) const {
  for (const config::ListenerConfig& config : plan.snapshot->config.listeners) {
    Result<Address> address = Address::Parse(config.listen);
    if (!address)
      return Invalid(fmt::format("listeners `{}`: {}", config.name, address.error().detail));
    ListenerPlan listener{.config = &config, .address = std::move(*address), .trusted_proxies = {}};
    for (const std::string& text : config.trusted_proxies) {
      const Result<AddressBlock> block = AddressBlock::Parse(text);
      if (!block)
        return Invalid(fmt::format("listeners `{}`: {}", config.name, block.error().detail));
      listener.trusted_proxies.push_back(*block);
    }
    const bool passes = config.egress.unknown_hosts == config::UnknownHosts::kPass;
    if (config.kind == config::ListenerKind::kEgress && passes) {
      Result<std::unique_ptr<UnknownHostPlan>> unknown = PlanUnknownHosts(config);
      if (!unknown) return std::unexpected(unknown.error());
      listener.unknown_hosts = std::move(*unknown);
    }
    plan.snapshot->listeners.push_back(std::move(listener));
  }
  return {};
}

Result<void> Registry::PlanUpstreams(SnapshotPlan& plan, SteadyTime now) {
  for (const config::UpstreamConfig& config : plan.snapshot->config.upstreams) {
    UpstreamPlan upstream{.config = &config};
    Result<traffic::UpstreamOptions> options = OptionsOf(config);
    if (!options) return std::unexpected(options.error());
    const UpstreamPlan* before = nullptr;
    if (current_ != nullptr) {
      const auto found = FindByName(current_->upstreams, config.name);
      if (found != current_->upstreams.end()) before = &*found;
    }
    if (before != nullptr && before->upstream->options() == *options) {
      upstream.upstream = before->upstream;
    } else {
      Result<std::shared_ptr<traffic::Upstream>> made =
          traffic::Upstream::Create(std::move(*options), stats_.worker_count(),
                                    before == nullptr ? nullptr : before->upstream.get());
      if (!made)
        return Invalid(fmt::format("upstreams `{}`: {}", config.name, made.error().detail));
      upstream.upstream = std::move(*made);
      if (before != nullptr) SeedAddresses(*before->upstream, *upstream.upstream, now);
    }
    if (before != nullptr) {
      upstream.retry_budget = before->retry_budget;
      plan.on_commit.emplace_back(
          [budget = upstream.retry_budget, values = OptionsOf(config.retry_budget)](SteadyTime) {
            budget->Reconfigure(values);
          });
    } else {
      upstream.retry_budget = std::make_shared<limit::RetryBudget>(OptionsOf(config.retry_budget));
    }
    if (config.circuit_breaker) {
      const Nanos longest = LongestCall(plan.snapshot->config, config.name);
      Result<BreakerPlan> breaker =
          PlanBreaker(*config.circuit_breaker, config.name, longest, plan, now);
      if (!breaker) return std::unexpected(breaker.error());
      upstream.breaker = std::move(*breaker);
    }
    const Result<void> ejection = PlanEjection(upstream, before, plan, now);
    if (!ejection) return ejection;
    plan.snapshot->upstreams.push_back(std::move(upstream));
  }
  return {};
}

// Who is out, and who is warming up, stays so over a reload.
Result<void> Registry::PlanEjection(UpstreamPlan& upstream,
                                    const UpstreamPlan* before,
                                    SnapshotPlan& plan,
                                    SteadyTime now) {
  const config::UpstreamConfig& config = *upstream.config;
  if (config.slow_start) {
    const breaker::SlowStartOptions options = OptionsOf(*config.slow_start);
    if (before != nullptr) upstream.slow_start = before->slow_start;
    if (upstream.slow_start == nullptr) {
      upstream.slow_start =
          std::make_shared<breaker::SlowStart>(options, traffic::Upstream::kSlotsMax);
    } else {
      plan.on_commit.emplace_back(
          [gate = upstream.slow_start, options](SteadyTime) { gate->Reconfigure(options); });
    }
  }
  if (!config.outlier_detection) return {};
  const breaker::OutlierOptions options = OptionsOf(*config.outlier_detection, config.name);
  if (before != nullptr) upstream.outliers = before->outliers;
  if (upstream.outliers == nullptr) {
    Result<std::unique_ptr<breaker::OutlierDetector>> made = breaker::OutlierDetector::Create(
        options, stats_.worker_count(), traffic::Upstream::kSlotsMax, next_seed_++, now);
    if (!made) return Invalid(made.error().detail);
    upstream.outliers = std::move(*made);
    return {};
  }
  const Result<void> valid = CheckOptions(options, config.name, ErrorCode::kInvalidConfig);
  if (!valid) return valid;
  plan.on_commit.emplace_back([detector = upstream.outliers, options](SteadyTime) {
    const Result<void> done = detector->Reconfigure(options);
    SLUICE_ASSERT(done.has_value());  // Validated above.
  });
  return {};
}

Result<BreakerPlan> Registry::PlanBreaker(const config::BreakerConfig& config,
                                          const std::string& name,
                                          Nanos call_timeout,
                                          SnapshotPlan& plan,
                                          SteadyTime now) {
  const breaker::BreakerOptions options = OptionsOf(config, name, call_timeout);
  if (!config.key.empty()) return PlanKeyedBreaker(config, options, plan, now);
  BreakerPlan out{
      .guard = FindBreaker(name), .keyed = nullptr, .classify = ClassifyOptionsOf(config)};
  if (out.guard != nullptr) {
    const Result<void> valid = CheckOptions(options, name, ErrorCode::kInvalidConfig);
    if (!valid) return std::unexpected(valid.error());
    plan.on_commit.emplace_back([guard = out.guard, options](SteadyTime at) {
      const Result<void> done = guard->Reconfigure(options, at);
      SLUICE_ASSERT(done.has_value());  // Validated above.
    });
    return out;
  }
  Result<std::unique_ptr<breaker::Breaker>> made =
      breaker::Breaker::Create(options, next_seed_++, now);
  if (!made) return Invalid(made.error().detail);
  out.guard = std::move(*made);
  KeepByHand(out, name, plan);
  return out;
}

void Registry::KeepByHand(const BreakerPlan& made,
                          const std::string& name,
                          SnapshotPlan& plan) const {
  const BreakerBefore before{.guard = FindBreaker(name), .keyed = FindKeyedBreaker(name)};
  if (before.guard == nullptr && before.keyed == nullptr) return;
  plan.on_commit.emplace_back([before, made](SteadyTime at) { TakeOverByHand(before, made, at); });
}

Result<BreakerPlan> Registry::PlanKeyedBreaker(const config::BreakerConfig& config,
                                               const breaker::BreakerOptions& options,
                                               SnapshotPlan& plan,
                                               SteadyTime now) {
  const breaker::KeyedBreakerOptions keyed{
      .breaker = options,
      .max_keys = static_cast<std::size_t>(config.max_keys),
      .on_keys_full = config.on_keys_full == config::OnKeysFull::kAllow
                          ? breaker::OnKeysFull::kAllow
                          : breaker::OnKeysFull::kSharedBreaker};
  // Made in any case: it finds every problem of the options.
  Result<std::unique_ptr<breaker::KeyedBreaker>> made =
      breaker::KeyedBreaker::Create(keyed, next_seed_++, now);
  if (!made) return Invalid(made.error().detail);
  BreakerPlan out{.guard = nullptr, .keyed = FindKeyedBreaker(options.name)};
  out.key = &config.key;
  out.classify = ClassifyOptionsOf(config);
  const auto before = breaker_keys_.find(options.name);
  // Another key tells other calls apart: what was learnt of them would mean nothing.
  if (out.keyed == nullptr || before == breaker_keys_.end() || before->second != config.key) {
    out.keyed = std::move(*made);
    KeepByHand(out, options.name, plan);
    return out;
  }
  plan.on_commit.emplace_back([guard = out.keyed, keyed](SteadyTime at) {
    const Result<void> done = guard->Reconfigure(keyed, at);
    SLUICE_ASSERT(done.has_value());  // Validated above.
  });
  return out;
}

Result<void> Registry::PlanFlows(SnapshotPlan& plan, SteadyTime /*now*/) {
  std::vector<std::string> upstreams;
  for (const config::UpstreamConfig& upstream : plan.snapshot->config.upstreams)
    upstreams.push_back(upstream.name);
  for (const config::FlowConfig& config : plan.snapshot->config.flows) {
    Result<std::shared_ptr<const flows::FlowPlan>> flow =
        flows::FlowPlan::Create(config, upstreams);
    if (!flow) return Invalid(flow.error().detail);
    plan.snapshot->flows.push_back(std::move(*flow));
  }
  return {};
}

Result<void> Registry::PlanRateLimits(SnapshotPlan& plan, SteadyTime now) {
  for (const config::RateLimitConfig& config : plan.snapshot->config.rate_limits) {
    RatePlan rate{.config = &config, .guard = nullptr};
    Result<limit::RateLimitOptions> options = OptionsOf(config, key_hasher_);
    if (!options) return std::unexpected(options.error());
    const RatePlan* before = nullptr;
    if (current_ != nullptr) {
      const auto found = FindByName(current_->rate_limits, config.name);
      // Another key counts something else: its debts would mean nothing.
      const bool is_same = found != current_->rate_limits.end() &&
                           found->config->key == config.key && found->guard->Accepts(*options);
      if (is_same) before = &*found;
    }
    const Result<void> valid = CheckOptions(*options, config.name, ErrorCode::kInvalidConfig);
    if (!valid) return valid;
    if (config.learn) LiftLimit(*options);
    if (before != nullptr) {
      rate.guard = before->guard;
      plan.on_commit.emplace_back([guard = rate.guard, values = *options](SteadyTime) {
        const Result<void> done = guard->Reconfigure(values);
        SLUICE_ASSERT(done.has_value());  // Validated above.
      });
    } else {
      Result<std::unique_ptr<limit::RateLimit>> made = limit::RateLimit::Create(*options, now);
      if (!made) return Invalid(made.error().detail);
      rate.guard = std::move(*made);
    }
    plan.snapshot->rate_limits.push_back(std::move(rate));
  }
  return {};
}

Result<void> Registry::ReadBodyFiles(const std::string& name, config::DegradeConfig& config) const {
  for (config::DegradeStep& step : config.chain) {
    if (!step.static_answer || !step.static_answer->file) continue;
    const std::string& path = *step.static_answer->file;
    Result<std::string> body = read_file_(path);
    if (!body) {
      return Invalid(
          fmt::format("degrade `{}`: cannot read {}: {}", name, path, body.error().detail));
    }
    if (body->size() > kBodyFileMax) {
      return Invalid(fmt::format("degrade `{}`: {} must have at most {} bytes, got {}", name, path,
                                 kBodyFileMax, body->size()));
    }
    step.static_answer->body = std::move(*body);
  }
  return {};
}

Result<Registry::ChainPlans> Registry::PlanChains(SnapshotPlan& plan) const {
  const Snapshot& snapshot = *plan.snapshot;
  ChainPlans chains;
  for (const auto& [name, config] : snapshot.config.degrade) {
    config::DegradeConfig filled = config;
    const Result<void> read = ReadBodyFiles(name, filled);
    if (!read) return std::unexpected(read.error());
    Result<degrade::ChainOptions> options = OptionsOf(filled, name);
    if (!options) return std::unexpected(options.error());
    const RoutePlan* const before = FindChainUser(name);
    ChainPlan& out = chains[name];
    if (before != nullptr && before->chain->options() == *options) {
      out.chain = before->chain;  // With its counts, and who is in it now.
    } else {
      Result<std::unique_ptr<degrade::DegradeChain>> made =
          degrade::DegradeChain::Create(std::move(*options));
      if (!made) return Invalid(made.error().detail);
      out.chain = std::move(*made);
    }
    for (const degrade::StepOptions& step : out.chain->options().steps) {
      const auto* other = std::get_if<degrade::UpstreamAnswer>(&step.answer);
      out.alternatives.push_back(other == nullptr ? 0
                                                  : IndexByName(snapshot.upstreams, other->name));
      const auto* keeping = std::get_if<degrade::StaleCacheAnswer>(&step.answer);
      if (keeping == nullptr) continue;
      out.keeping = keeping;
      // What other rules have kept may not be given by these.
      if (before != nullptr && before->kept != nullptr &&
          before->keeping->key_headers == keeping->key_headers &&
          before->keeping->leniency == keeping->leniency) {
        out.kept = before->kept;
        plan.on_commit.emplace_back(
            [cache = out.kept, bounds = *keeping](SteadyTime) { cache->Reconfigure(bounds); });
      } else {
        out.kept = std::make_shared<degrade::StaleCache>(*keeping);
      }
    }
  }
  return chains;
}

Result<void> Registry::PlanRoutes(SnapshotPlan& plan, SteadyTime now) {
  Snapshot& snapshot = *plan.snapshot;
  const Result<ChainPlans> chains = PlanChains(plan);
  if (!chains) return std::unexpected(chains.error());
  for (const config::RouteConfig& config : snapshot.config.routes) {
    Result<RouteMatcher> matcher = RouteMatcher::Create(config.match);
    if (!matcher)
      return Invalid(fmt::format("routes `{}`: {}", config.name, matcher.error().detail));
    RoutePlan route{.config = &config, .matcher = std::move(*matcher)};
    for (const config::ListenerConfig& listener : snapshot.config.listeners) {
      if (std::ranges::find(config.listeners, listener.name) == config.listeners.end()) continue;
      route.listeners.push_back(&listener);
    }
    route.upstream = IndexByName(snapshot.upstreams, config.upstream);
    if (!config.flow.empty()) {
      const auto flow =
          std::ranges::find(snapshot.config.flows, config.flow, &config::FlowConfig::name);
      if (flow == snapshot.config.flows.end()) {
        return Invalid(fmt::format("routes `{}`: no flow `{}`", config.name, config.flow));
      }
      route.flow = static_cast<std::size_t>(flow - snapshot.config.flows.begin());
    }
    if (config.rate_limits.size() > kRateLimitsMax) {
      return Invalid(fmt::format("routes `{}`: at most {} rate_limits, got {}", config.name,
                                 kRateLimitsMax, config.rate_limits.size()));
    }
    for (const std::string& name : config.rate_limits) {
      route.rate_limits.push_back(IndexByName(snapshot.rate_limits, name));
    }
    if (config.circuit_breaker) {
      Result<BreakerPlan> breaker =
          PlanBreaker(*config.circuit_breaker, config.name, config.timeout, plan, now);
      if (!breaker) return std::unexpected(breaker.error());
      route.breaker = std::move(*breaker);
    }
    if (!config.degrade.empty()) {
      const ChainPlan& chain = chains->at(config.degrade);
      route.chain = chain.chain;
      route.kept = chain.kept;
      route.keeping = chain.keeping;
      route.alternatives = chain.alternatives;
    }
    snapshot.routes.push_back(std::move(route));
  }
  std::vector<std::string_view> hosts;
  for (const config::RouteConfig& config : snapshot.config.routes)
    hosts.emplace_back(config.match.host);
  snapshot.hosts = HostIndex(hosts);
  return {};
}

Result<void> Registry::PlanReleases(SnapshotPlan& plan, SteadyTime /*now*/) {
  Snapshot& snapshot = *plan.snapshot;
  for (const config::ReleaseConfig& config : snapshot.config.releases) {
    std::string secret;
    if (!config.order_secret_file.empty()) {
      Result<std::string> text = read_file_(config.order_secret_file);
      if (!text) {
        return Invalid(fmt::format("releases `{}`: cannot read {}: {}", config.plan.name,
                                   config.order_secret_file, text.error().detail));
      }
      secret = text->substr(0, text->find('\n'));
    }
    Result<ReleasePlan> release = CompileRelease(config, snapshot.config, std::move(secret));
    if (!release)
      return Invalid(fmt::format("releases `{}`: {}", config.plan.name, release.error().detail));
    release->stable = IndexByName(snapshot.upstreams, config.plan.stable);
    release->candidate = IndexByName(snapshot.upstreams, config.plan.candidate);
    const auto known = release_states_.find(config.plan.name);
    release->state = known != release_states_.end()
                         ? known->second
                         : std::make_shared<ReleaseState>(stats_.worker_count());
    for (RoutePlan& route : snapshot.routes) {
      if (route.config->upstream == config.plan.stable) route.release = snapshot.releases.size();
    }
    snapshot.releases.push_back(std::move(*release));
  }
  return {};
}

std::shared_ptr<const Snapshot> Registry::Commit(SnapshotPlan plan, SteadyTime now) {
  for (const auto& step : plan.on_commit)
    step(now);
  generation_ = plan.snapshot->generation;
  // Only now: a configuration that is merely checked leaves no counters behind.
  for (RoutePlan& route : plan.snapshot->routes)
    route.stats = stats_.Route(route.config->name);
  for (const ReleasePlan& release : plan.snapshot->releases)
    release_states_.emplace(release.config->plan.name, release.state);
  for (RoutePlan& route : plan.snapshot->routes) {
    if (route.release == kNoRelease) continue;
    const ReleasePlan& release = plan.snapshot->releases[route.release];
    route.release_counts = &release.state->Route(route.config->name);
  }
  for (ListenerPlan& listener : plan.snapshot->listeners) {
    if (listener.unknown_hosts == nullptr) continue;
    listener.unknown_hosts->route.stats = stats_.Route(listener.config->name);
  }
  current_ = std::move(plan.snapshot);
  ForgetCounters();
  breakers_.clear();
  keyed_breakers_.clear();
  breaker_keys_.clear();
  const auto note = [this](const BreakerPlan& breaker, const std::string& name) {
    if (breaker.guard) breakers_.emplace(name, breaker.guard);
    if (!breaker.keyed) return;
    keyed_breakers_.emplace(name, breaker.keyed);
    breaker_keys_.emplace(name, *breaker.key);
  };
  for (const UpstreamPlan& upstream : current_->upstreams)
    note(upstream.breaker, upstream.config->name);
  for (const RoutePlan& route : current_->routes)
    note(route.breaker, route.config->name);
  return current_;
}

// Of what the configuration has no more: names may come and go for as long as the process lives.
void Registry::ForgetCounters() const {
  std::set<std::string_view> routes;
  std::set<std::string_view> upstreams;
  for (const RoutePlan& route : current_->routes)
    routes.insert(route.config->name);
  for (const UpstreamPlan& upstream : current_->upstreams)
    upstreams.insert(upstream.config->name);
  for (const ListenerPlan& listener : current_->listeners) {
    if (listener.unknown_hosts == nullptr) continue;
    routes.insert(listener.config->name);
    upstreams.insert(listener.config->name);
  }
  stats_.Keep(routes, upstreams);
}

const RoutePlan* Registry::FindChainUser(const std::string& name) const {
  if (current_ == nullptr) return nullptr;
  for (const RoutePlan& route : current_->routes) {
    if (route.chain != nullptr && route.chain->name() == name) return &route;
  }
  return nullptr;
}

void Registry::Rewarm(const std::string& name, SteadyTime now) const {
  if (current_ == nullptr) return;
  for (const RoutePlan& route : current_->routes) {
    if (route.config->name != name && route.config->upstream != name) continue;
    for (const std::size_t index : route.rate_limits)
      current_->rate_limits[index].guard->Rewarm(now);
  }
}

Result<void> Registry::Relimit(const RatePlan& plan, std::int64_t limit) const {
  Result<limit::RateLimitOptions> options = OptionsOf(*plan.config, key_hasher_);
  if (!options) return std::unexpected(options.error());
  options->limit = limit;
  // A request must still fit, and bursts that are allowed now stay so.
  const std::int64_t of_a_second =
      limit::EffectiveBurst({.limit = limit, .period = plan.config->period});
  options->burst = std::max(options->burst, of_a_second);
  return plan.guard->Reconfigure(*options);
}

std::shared_ptr<breaker::Breaker> Registry::FindBreaker(const std::string& name) const {
  const auto found = breakers_.find(name);
  return found == breakers_.end() ? nullptr : found->second;
}

std::shared_ptr<breaker::KeyedBreaker> Registry::FindKeyedBreaker(const std::string& name) const {
  const auto found = keyed_breakers_.find(name);
  return found == keyed_breakers_.end() ? nullptr : found->second;
}

}  // namespace sluice::gateway
