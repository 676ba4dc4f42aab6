#include "sluice/traffic/endpoint_refresh.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/contract/event.h"
#include "sluice/contract/resolver.h"

namespace sluice::traffic {

namespace {

// Waits are shortened by up to this part.
constexpr double kRefreshJitter = 0.1;

}  // namespace

struct EndpointRefresh::Name {
  Name(Loop& loop, std::size_t its_spec, const EndpointSpec& options)
      : spec(its_spec), host(options.host), port(options.port), wake(loop) {}

  std::size_t spec;
  std::string host;
  std::uint16_t port;
  Event wake;  // Only RequestStop() sets it.
  std::vector<Address> addresses;
  Nanos wait{0};         // Until the next question, before jitter.
  bool asked = false;    // Answered or failed at least once.
  bool failing = false;  // The last question failed.
};

EndpointRefresh::EndpointRefresh(Loop& loop, std::shared_ptr<Upstream> upstream, OnEvent on_event)
    : loop_(loop), upstream_(std::move(upstream)), on_event_(std::move(on_event)) {
  const std::vector<EndpointSpec>& specs = upstream_->options().endpoints;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!specs[i].address) names_.push_back(std::make_unique<Name>(loop_, i, specs[i]));
  }
}

EndpointRefresh::~EndpointRefresh() {
  SLUICE_ASSERT(running_ == 0);
}

void EndpointRefresh::Start(TaskGroup& group) {
  SLUICE_ASSERT(running_ == 0);
  for (const std::unique_ptr<Name>& name : names_) {
    ++running_;
    group.Spawn(Run(*name));
  }
}

void EndpointRefresh::RequestStop() {
  stopping_ = true;
  for (const std::unique_ptr<Name>& name : names_) {
    name->wake.Set();
  }
}

bool EndpointRefresh::settled() const {
  return std::all_of(names_.begin(), names_.end(), [](const auto& name) { return name->asked; });
}

// `name` is owned by this object, which outlives its tasks.
Task<void> EndpointRefresh::Run(Name& name) {
  while (!stopping_) {
    const SteadyTime deadline = loop_.now() + upstream_->options().refresh.timeout;
    Result<Resolution> answer = co_await loop_.resolver().Resolve(name.host, name.port, deadline);
    if (stopping_) break;
    if (answer && !answer->addresses.empty()) {
      Take(name, std::move(*answer));
    } else {
      Lose(name, answer ? Error{.code = ErrorCode::kResolveFailed} : answer.error());
    }
    const SteadyTime next = NextAt(name);
    co_await name.wake.Wait(next);
  }
  --running_;
}

void EndpointRefresh::Take(Name& name, Resolution answer) {
  const RefreshOptions& options = upstream_->options().refresh;
  ++successes_;
  name.asked = true;
  name.wait = std::min(answer.time_to_live, options.interval_max);
  std::sort(answer.addresses.begin(), answer.addresses.end());
  const bool is_news = name.failing || answer.addresses != name.addresses;
  name.failing = false;
  if (!is_news) return;
  name.addresses = std::move(answer.addresses);
  const std::size_t left_out = Publish();
  if (!on_event_) return;
  on_event_({.upstream = upstream_->name(),
             .host = name.host,
             .addresses = name.addresses.size(),
             .left_out = left_out});
}

void EndpointRefresh::Lose(Name& name, const Error& error) {
  const RefreshOptions& options = upstream_->options().refresh;
  ++failures_;
  name.asked = true;
  const bool is_news = !name.failing;
  name.wait = is_news ? options.interval_min : std::min(name.wait * 2, options.retry_max);
  name.failing = true;
  if (is_news && on_event_) {
    on_event_({.upstream = upstream_->name(),
               .host = name.host,
               .error = &error,
               .addresses = name.addresses.size()});
  }
}

// All names' last good answers together.
std::size_t EndpointRefresh::Publish() {
  std::vector<Upstream::Resolved> resolved;
  for (const std::unique_ptr<Name>& name : names_) {
    for (const Address& address : name->addresses) {
      resolved.push_back({.spec = name->spec, .address = address});
    }
  }
  return upstream_->Publish(resolved, loop_.now());
}

SteadyTime EndpointRefresh::NextAt(const Name& name) {
  const double part = 1.0 - kRefreshJitter * loop_.random().Unit();
  const auto wait = Nanos(static_cast<Nanos::rep>(static_cast<double>(name.wait.count()) * part));
  return loop_.now() + std::max(wait, upstream_->options().refresh.interval_min);
}

}  // namespace sluice::traffic
