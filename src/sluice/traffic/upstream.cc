#include "sluice/traffic/upstream.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::traffic {

namespace {

using Identity = std::pair<Address, std::string>;  // Address and version.
// What makes a living endpoint the one that is wanted: also its authority, which a successor of the
// upstream may have changed.
using FullIdentity = std::tuple<Address, std::string, std::string>;

template <typename Number>
bool Within(Number value, Number least, Number most) {
  return least <= value && value <= most;
}

std::unexpected<Error> Invalid(const UpstreamOptions& options, std::string_view problem) {
  return Fail(ErrorCode::kInvalidOption, fmt::format("upstream {}: {}", options.name, problem));
}

// A field value or a path that is written into a request as it is.
bool IsVisibleAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<void> ValidateEndpoints(const UpstreamOptions& options) {
  if (options.endpoints.empty()) return Invalid(options, "endpoints: at least one is needed");
  std::set<std::tuple<std::string, std::uint16_t, std::string>> seen;
  for (const EndpointSpec& spec : options.endpoints) {
    if (!spec.address && (spec.host.empty() || spec.port == 0)) {
      return Invalid(options, "endpoint: needs an address, or a host and a port");
    }
    if (!Within(spec.weight, 1U, 1000U)) {
      return Invalid(options, fmt::format("weight: must be 1..1000, got {}", spec.weight));
    }
    const std::string where = spec.address ? spec.address->ToString() : spec.host;
    if (!seen.emplace(where, spec.address ? 0 : spec.port, spec.version).second) {
      return Invalid(options, fmt::format("endpoint {}: is there twice", where));
    }
  }
  return {};
}

Result<void> ValidatePool(const UpstreamOptions& options) {
  const PoolOptions& pool = options.pool;
  constexpr std::size_t kMost = 1'000'000;
  if (!Within<std::size_t>(pool.connections_max, 1, kMost)) {
    return Invalid(options,
                   fmt::format("connections_max: 1..1000000, got {}", pool.connections_max));
  }
  if (pool.waiting_max > kMost) {
    return Invalid(options, fmt::format("waiting_max: 0..1000000, got {}", pool.waiting_max));
  }
  if (pool.idle_max > kMost) {
    return Invalid(options, fmt::format("idle_max: 0..1000000, got {}", pool.idle_max));
  }
  if (!Within<Nanos>(pool.idle_timeout, std::chrono::milliseconds(1), std::chrono::hours(1))) {
    return Invalid(options, "idle_timeout: must be 1ms..1h");
  }
  return {};
}

Result<void> ValidateHealthCheck(const UpstreamOptions& options) {
  if (!options.health_check) return {};
  const HealthCheckOptions& check = *options.health_check;
  if (check.path.empty() || check.path.front() != '/' || !IsVisibleAscii(check.path)) {
    return Invalid(options, "health check: path must begin with '/' and be visible ASCII");
  }
  if (!IsVisibleAscii(check.host)) {
    return Invalid(options, "health check: host must be visible ASCII");
  }
  if (!Within<Nanos>(check.interval, std::chrono::milliseconds(10), std::chrono::hours(1))) {
    return Invalid(options, "health check: interval must be 10ms..1h");
  }
  if (!Within<Nanos>(check.timeout, std::chrono::milliseconds(1), std::chrono::minutes(1))) {
    return Invalid(options, "health check: timeout must be 1ms..1min");
  }
  if (!Within(check.unhealthy_after, 1U, 100U) || !Within(check.healthy_after, 1U, 100U)) {
    return Invalid(options, "health check: unhealthy_after and healthy_after must be 1..100");
  }
  if (check.statuses.empty()) return Invalid(options, "health check: statuses must not be empty");
  return {};
}

Result<void> Validate(const UpstreamOptions& options) {
  if (Result<void> endpoints = ValidateEndpoints(options); !endpoints) return endpoints;
  if (Result<void> pool = ValidatePool(options); !pool) return pool;
  if (Result<void> check = ValidateHealthCheck(options); !check) return check;
  if (!Within<Nanos>(options.connect_timeout, std::chrono::milliseconds(1),
                     std::chrono::minutes(1))) {
    return Invalid(options, "connect_timeout: must be 1ms..1min");
  }
  if (options.panic_threshold_percent > 100) {
    return Invalid(options, fmt::format("panic_threshold_percent: 0..100, got {}",
                                        options.panic_threshold_percent));
  }
  if (!Within<Bytes>(options.response_head_max, kKiB, kMiB)) {
    return Invalid(options, "response_head_max: must be 1KiB..1MiB");
  }
  if (options.informational_max > 100) {
    return Invalid(options,
                   fmt::format("informational_max: 0..100, got {}", options.informational_max));
  }
  const RefreshOptions& refresh = options.refresh;
  if (refresh.interval_min < std::chrono::milliseconds(1) ||
      refresh.interval_max < refresh.interval_min || refresh.retry_max < refresh.interval_min ||
      refresh.timeout < std::chrono::milliseconds(1)) {
    return Invalid(options, "refresh: needs 1ms <= interval_min <= interval_max and retry_max");
  }
  return {};
}

// Two lists that send the same traffic to the same endpoints.
bool SameMembers(const EndpointList& a, const EndpointList& b) {
  return std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                    [](const EndpointMember& left, const EndpointMember& right) {
                      return left.endpoint == right.endpoint && left.weight == right.weight;
                    });
}

bool SlotBefore(const EndpointMember& member, std::size_t slot) {
  return member.endpoint->slot() < slot;
}

bool Contains(const EndpointList& list, const Endpoint& endpoint) {
  const auto at =
      std::lower_bound(list.members.begin(), list.members.end(), endpoint.slot(), &SlotBefore);
  return at != list.members.end() && at->endpoint.get() == &endpoint;
}

std::string AuthorityOf(const EndpointSpec& spec, const Address& address) {
  return spec.authority.empty() ? address.ToString() : spec.authority;
}

HashRing MakeRing(const EndpointList& list) {
  std::vector<std::string> names;
  names.reserve(list.members.size());
  for (const EndpointMember& member : list.members) {
    const Endpoint& endpoint = *member.endpoint;
    names.push_back(endpoint.version().empty()
                        ? endpoint.label()
                        : fmt::format("{} {}", endpoint.label(), endpoint.version()));
  }
  std::vector<RingMember> ring;
  ring.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    ring.push_back({.name = names[i], .weight = list.members[i].weight});
  }
  return HashRing(ring);
}

}  // namespace

double EndpointList::GateWeight(const Endpoint& endpoint, SteadyTime now) const {
  double weight = 1;
  for (const std::shared_ptr<const EndpointGate>& gate : gates) {
    const double factor = gate->Weight(endpoint.slot(), now);
    if (!(factor > 0)) return 0;  // A gate that says nonsense (NaN) is believed to say no.
    weight *= std::min(factor, 1.0);
  }
  return weight;
}

Result<std::shared_ptr<Upstream>> Upstream::Create(UpstreamOptions options,
                                                   std::size_t workers,
                                                   const Upstream* predecessor) {
  if (Result<void> valid = Validate(options); !valid) return std::unexpected(valid.error());
  if (workers < 1) return Invalid(options, "workers: at least one is needed");
  SLUICE_ASSERT(predecessor == nullptr || predecessor->workers() == workers);
  std::shared_ptr<Slots> slots =
      predecessor == nullptr ? std::make_shared<Slots>() : predecessor->slots_;
  // The constructor is private, which make_shared cannot call.
  std::shared_ptr<Upstream> upstream(new Upstream(std::move(options), workers, std::move(slots)));
  upstream->Publish({}, SteadyTime{});
  return upstream;
}

Upstream::Upstream(UpstreamOptions options, std::size_t workers, std::shared_ptr<Slots> slots)
    : options_(std::move(options)),
      workers_(workers),
      slots_(std::move(slots)),
      list_(std::make_shared<EndpointList>()) {}

std::shared_ptr<const EndpointList> Upstream::Endpoints() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

// What is to be a member, with all weights that speak for it.
struct Upstream::Target {
  const EndpointSpec* spec = nullptr;
  std::uint32_t weight = 0;
};

std::size_t Upstream::Publish(std::span<const Resolved> resolved, SteadyTime now) {
  // Two names may have the same address: one endpoint, with both weights.
  std::map<Identity, Target> targets;
  const auto add = [&](const EndpointSpec& spec, const Address& address) {
    Target& target = targets[{address, spec.version}];
    if (target.spec == nullptr) target.spec = &spec;
    target.weight = std::min(target.weight + spec.weight, 1000U);
  };
  for (const EndpointSpec& spec : options_.endpoints) {
    if (spec.address) add(spec, *spec.address);
  }
  for (const Resolved& answer : resolved) {
    SLUICE_ASSERT(answer.spec < options_.endpoints.size());
    add(options_.endpoints[answer.spec], answer.address);
  }

  // Everything still alive is known again: also what left a while ago and is still in use.
  std::map<FullIdentity, std::shared_ptr<Endpoint>> alive;
  std::vector<std::size_t> free_slots;
  for (std::size_t slot = slots_->size(); slot-- > 0;) {
    std::shared_ptr<Endpoint> endpoint = (*slots_)[slot].lock();
    if (endpoint == nullptr) {
      free_slots.push_back(slot);
    } else {
      FullIdentity identity{endpoint->address(), endpoint->version(), endpoint->authority()};
      alive.emplace(std::move(identity), std::move(endpoint));
    }
  }

  const std::shared_ptr<EndpointList> next = Copy();
  next->members.clear();
  std::size_t left_out = 0;
  for (const auto& [identity, target] : targets) {
    const auto known =
        alive.find({identity.first, identity.second, AuthorityOf(*target.spec, identity.first)});
    std::shared_ptr<Endpoint> endpoint =
        known != alive.end() ? known->second : Make(*target.spec, identity.first, free_slots);
    if (endpoint == nullptr) {
      ++left_out;
      continue;
    }
    next->members.push_back({.endpoint = std::move(endpoint), .weight = target.weight});
  }
  std::sort(next->members.begin(), next->members.end(),
            [](const EndpointMember& a, const EndpointMember& b) {
              return a.endpoint->slot() < b.endpoint->slot();
            });
  const std::shared_ptr<const EndpointList> before = Endpoints();
  if (SameMembers(*before, *next)) return left_out;
  if (options_.load_balancing == LoadBalancing::kRingHash) next->ring = MakeRing(*next);
  Swap(next);
  Tell(*before, *next, now);
  return left_out;
}

std::shared_ptr<Endpoint> Upstream::Make(const EndpointSpec& spec,
                                         const Address& address,
                                         std::vector<std::size_t>& free_slots) {
  std::size_t slot = slots_->size();
  if (!free_slots.empty()) {
    slot = free_slots.back();  // The lowest.
    free_slots.pop_back();
  } else if (slot < kSlotsMax) {
    slots_->emplace_back();
  } else {
    return nullptr;
  }
  auto endpoint =
      std::make_shared<Endpoint>(Endpoint::Identity{.slot = slot,
                                                    .address = address,
                                                    .authority = AuthorityOf(spec, address),
                                                    .version = spec.version},
                                 workers_);
  (*slots_)[slot] = endpoint;
  return endpoint;
}

void Upstream::Tell(const EndpointList& before, const EndpointList& after, SteadyTime now) {
  for (EndpointWatcher* watcher : watchers_) {
    // Leaving first: a slot is never two endpoints at once.
    for (const EndpointMember& member : before.members) {
      if (!Contains(after, *member.endpoint)) watcher->OnLeave(*member.endpoint, now);
    }
    for (const EndpointMember& member : after.members) {
      if (!Contains(before, *member.endpoint)) watcher->OnJoin(member.endpoint, now);
    }
  }
}

void Upstream::AddGate(std::shared_ptr<const EndpointGate> gate) {
  SLUICE_ASSERT(gate != nullptr);
  const std::shared_ptr<EndpointList> next = Copy();
  next->gates.push_back(std::move(gate));
  Swap(next);
}

void Upstream::RemoveGate(const EndpointGate* gate) {
  const std::shared_ptr<EndpointList> next = Copy();
  std::erase_if(next->gates, [&](const auto& present) { return present.get() == gate; });
  Swap(next);
}

void Upstream::Watch(EndpointWatcher& watcher, SteadyTime now) {
  watchers_.push_back(&watcher);
  const std::shared_ptr<const EndpointList> list = Endpoints();
  for (const EndpointMember& member : list->members) {
    watcher.OnJoin(member.endpoint, now);
  }
}

void Upstream::Unwatch(EndpointWatcher& watcher) {
  std::erase(watchers_, &watcher);
}

std::shared_ptr<EndpointList> Upstream::Copy() const {
  return std::make_shared<EndpointList>(*Endpoints());
}

void Upstream::Swap(std::shared_ptr<EndpointList> next) {
  std::shared_ptr<const EndpointList> last;
  {
    const std::lock_guard lock(mutex_);
    next->generation = list_->generation + 1;
    last = std::exchange(list_, std::move(next));
    // Release: who sees the new generation finds the new list behind the lock.
    generation_.store(list_->generation, std::memory_order_release);
  }
  // `last` dies here, outside the lock.
}

}  // namespace sluice::traffic
