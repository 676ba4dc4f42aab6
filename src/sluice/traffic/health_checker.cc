#include "sluice/traffic/health_checker.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/contract/endpoint_gate.h"
#include "sluice/contract/event.h"
#include "sluice/traffic/connection.h"

namespace sluice::traffic {

namespace {

// Waits vary by this part up and down, so that many gateways do not ask in step.
constexpr double kJitter = 0.1;

std::string RequestText(const HealthCheckOptions& options, const Endpoint& endpoint) {
  // Path and host were checked when the upstream was made.
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sluice-health\r\nConnection: close\r\n\r\n",
      options.path, options.host.empty() ? endpoint.authority() : options.host);
}

bool IsExpected(const HealthCheckOptions& options, int status) {
  return std::any_of(
      options.statuses.begin(), options.statuses.end(),
      [status](const StatusRange& range) { return range.first <= status && status <= range.last; });
}

}  // namespace

// Lives as long as the snapshots that name it, so it knows nothing of the checker. Each flag is
// independent of everything else: relaxed order is enough.
class HealthChecker::Gate final : public EndpointGate {
 public:
  [[nodiscard]] double Weight(std::size_t endpoint, SteadyTime /*now*/) const override {
    return unhealthy_[endpoint].load(std::memory_order_relaxed) ? 0 : 1;
  }
  [[nodiscard]] std::string_view reason() const override { return "unhealthy"; }

  void Set(std::size_t endpoint, bool is_unhealthy) {
    unhealthy_[endpoint].store(is_unhealthy, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<bool>, Upstream::kSlotsMax> unhealthy_{};
};

struct HealthChecker::Probe {
  Probe(Loop& loop, std::shared_ptr<Endpoint> its_endpoint, std::string its_request)
      : endpoint(std::move(its_endpoint)), request(std::move(its_request)), wake(loop) {}

  std::shared_ptr<Endpoint> endpoint;
  std::string request;
  Event wake;                   // Only EndProbe() sets it.
  Stream* stream = nullptr;     // Of the check under way.
  std::uint32_t failures = 0;   // In a row.
  std::uint32_t successes = 0;  // In a row.
  bool stopped = false;
};

HealthChecker::HealthChecker(Loop& loop,
                             std::shared_ptr<Upstream> upstream,
                             OnTransition on_transition)
    : loop_(loop),
      upstream_(std::move(upstream)),
      options_(*upstream_->options().health_check),
      on_transition_(std::move(on_transition)),
      gate_(std::make_shared<Gate>()) {}

HealthChecker::~HealthChecker() {
  SLUICE_ASSERT(running_ == 0);
}

void HealthChecker::Start(TaskGroup& group) {
  SLUICE_ASSERT(group_ == nullptr);
  group_ = &group;
  upstream_->AddGate(gate_);
  upstream_->Watch(*this, loop_.now());
}

void HealthChecker::RequestStop(Stop stop) {
  upstream_->Unwatch(*this);
  if (stop == Stop::kForget) upstream_->RemoveGate(gate_.get());
  while (!probes_.empty()) {
    if (stop == Stop::kForget) Forget(*probes_.back()->endpoint);
    EndProbe(*probes_.back());
    probes_.pop_back();
  }
}

std::size_t HealthChecker::unhealthy() const {
  return static_cast<std::size_t>(
      std::count_if(probes_.begin(), probes_.end(), [](const std::shared_ptr<Probe>& probe) {
        return probe->endpoint->health() == Health::kUnhealthy;
      }));
}

void HealthChecker::OnJoin(const std::shared_ptr<Endpoint>& endpoint, SteadyTime /*now*/) {
  // Found sick by the checker of an upstream that this one took the place of.
  gate_->Set(endpoint->slot(), endpoint->health() == Health::kUnhealthy);
  auto probe = std::make_shared<Probe>(loop_, endpoint, RequestText(options_, *endpoint));
  probes_.push_back(probe);
  ++running_;
  group_->Spawn(Run(std::move(probe)));
}

void HealthChecker::OnLeave(const Endpoint& endpoint, SteadyTime /*now*/) {
  const auto found = std::find_if(
      probes_.begin(), probes_.end(),
      [&](const std::shared_ptr<Probe>& probe) { return probe->endpoint.get() == &endpoint; });
  if (found == probes_.end()) return;
  Forget(*(*found)->endpoint);
  EndProbe(**found);
  probes_.erase(found);
}

void HealthChecker::Forget(Endpoint& endpoint) const {
  endpoint.set_health(Health::kUnknown);
  gate_->Set(endpoint.slot(), /*is_unhealthy=*/false);
}

void HealthChecker::EndProbe(Probe& probe) {
  probe.stopped = true;
  if (probe.stream != nullptr) probe.stream->Cancel();
  probe.wake.Set();
}

Task<void> HealthChecker::Run(std::shared_ptr<Probe> probe) {
  const double first = loop_.random().Unit();
  SteadyTime next =
      loop_.now() +
      Nanos(static_cast<Nanos::rep>(first * static_cast<double>(options_.interval.count())));
  for (;;) {
    co_await probe->wake.Wait(next);
    if (probe->stopped) break;
    const Result<void> verdict = co_await Check(*probe);
    if (probe->stopped) break;
    Count(*probe, verdict);
    next = NextAt();
  }
  --running_;
}

// Succeeds when the endpoint gave an expected status in time. `probe` is held by Run().
Task<Result<void>> HealthChecker::Check(Probe& probe) {
  const SteadyTime deadline = loop_.now() + options_.timeout;
  Result<std::unique_ptr<Stream>> stream =
      co_await loop_.Connect(probe.endpoint->address(), deadline);
  if (!stream) co_return std::unexpected(std::move(stream.error()));
  if (probe.stopped) co_return Fail(ErrorCode::kCancelled, {});

  const ConnectionLimits limits{.informational_max = upstream_->options().informational_max};
  Connection connection(loop_, std::move(*stream), limits);
  probe.stream = &connection.stream();
  const Result<void> answered = co_await Ask(connection, probe.request, deadline);
  probe.stream = nullptr;
  if (!answered) co_return std::unexpected(answered.error());
  const int status = connection.head().status;
  if (IsExpected(options_, status)) co_return Result<void>{};
  co_return Fail(ErrorCode::kBadResponse, fmt::format("status {}", status));
}

// Sends `request` and receives the head of its response; both outlive the task.
Task<Result<void>> HealthChecker::Ask(Connection& connection,
                                      const std::string& request,
                                      SteadyTime deadline) {
  connection.Begin();
  const std::array<ByteView, 1> segments{request};
  Result<void> sent = co_await connection.stream().Send(segments, deadline);
  if (!sent) co_return sent;
  connection.MarkRequestSent();
  co_return co_await connection.ReceiveHead(wire::Method::kGet, deadline);
}

void HealthChecker::Count(Probe& probe, const Result<void>& verdict) {
  Endpoint& endpoint = *probe.endpoint;
  endpoint.health_checks().fetch_add(1, std::memory_order_relaxed);
  if (verdict) {
    probe.failures = 0;
    ++probe.successes;
    const bool is_first = endpoint.health() == Health::kUnknown;
    if (is_first || probe.successes >= options_.healthy_after) {
      Turn(probe, Health::kHealthy, {});
    }
    return;
  }
  endpoint.health_check_failures().fetch_add(1, std::memory_order_relaxed);
  probe.successes = 0;
  ++probe.failures;
  if (probe.failures < options_.unhealthy_after) return;
  const Error& error = verdict.error();
  Turn(probe, Health::kUnhealthy,
       error.detail.empty() ? NameOf(error.code) : std::string_view(error.detail));
}

void HealthChecker::Turn(Probe& probe, Health health, std::string_view detail) {
  Endpoint& endpoint = *probe.endpoint;
  if (endpoint.health() == health) return;
  endpoint.set_health(health);
  gate_->Set(endpoint.slot(), health == Health::kUnhealthy);
  if (!on_transition_) return;
  on_transition_({.upstream = upstream_->name(),
                  .endpoint = endpoint.label(),
                  .slot = endpoint.slot(),
                  .health = health,
                  .detail = detail,
                  .at = loop_.now()});
}

SteadyTime HealthChecker::NextAt() {
  const double part = 1.0 + kJitter * (2.0 * loop_.random().Unit() - 1.0);
  return loop_.now() +
         Nanos(static_cast<Nanos::rep>(static_cast<double>(options_.interval.count()) * part));
}

}  // namespace sluice::traffic
