#include "sluice/gateway/worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/flows/flow_runner.h"
#include "sluice/gateway/overload.h"
#include "sluice/gateway/session.h"
#include "sluice/gateway/stream_reset.h"

namespace sluice::gateway {
namespace {

constexpr Nanos kHousekeepingInterval = std::chrono::milliseconds(100);
// While draining, a connection that has been idle for so long is closed: it is hardly about to
// send.
constexpr Nanos kDrainIdleMax = std::chrono::seconds(5);
constexpr Nanos kPressedPause = std::chrono::milliseconds(50);
constexpr std::size_t kFreeExchangesMax = 1024;

wire::HeadLimits HeadLimitsOf(const config::ListenerLimits& limits) {
  return {.start_line_max = limits.max_request_line,
          .header_block_max = limits.max_header_bytes,
          .headers_max = static_cast<std::size_t>(limits.max_headers)};
}

bool Same(const wire::HeadLimits& a, const wire::HeadLimits& b) {
  return a.start_line_max == b.start_line_max && a.header_block_max == b.header_block_max &&
         a.headers_max == b.headers_max;
}

}  // namespace

Worker::Worker(Loop& loop, const WorkerOptions& options)
    : loop_(loop),
      index_(options.index),
      stats_(*options.stats),
      open_listener_(options.open_listener),
      access_log_(loop, options.stats->worker(options.index).access_log_dropped_total),
      egress_hosts_(loop, options.index, *options.stats),
      context_{.loop = loop,
               .index = options.index,
               .stats = options.stats->worker(options.index),
               .access_log = access_log_,
               .key_hasher = *options.key_hasher,
               .egress = &egress_hosts_},
      housekeeping_(&FireHousekeeping, this),
      pressure_(&FirePressure, this),
      lag_probe_(loop, options.index) {}

Worker::~Worker() {
  SLUICE_ASSERT(sessions_.empty());
  if (housekeeping_.armed()) loop_.Disarm(housekeeping_);
  if (pressure_.armed()) loop_.Disarm(pressure_);
  listeners_.clear();
  served_.clear();
  free_exchanges_.clear();
}

bool Worker::flows_are_quiet() const {
  return std::ranges::all_of(served_, [](const std::unique_ptr<ServedSnapshot>& served) {
    return std::ranges::all_of(served->flows, [](const auto& flow) { return flow->is_quiet(); });
  });
}

Result<Worker::Opened> Worker::Open(const std::string& identity,
                                    const Address& address,
                                    std::shared_ptr<ListenerShare> share) {
  Result<std::unique_ptr<Listener>> socket = open_listener_(loop_, identity, address, index_);
  if (!socket) return std::unexpected(socket.error());
  Opened opened{
      .identity = identity, .bound = (*socket)->local(), .socket = {}, .share = std::move(share)};
  opened.socket = std::move(*socket);
  return opened;
}

UpstreamClient& Worker::ClientOf(const std::shared_ptr<traffic::Upstream>& upstream) {
  for (const std::unique_ptr<UpstreamClient>& client : clients_) {
    if (client->upstream == upstream) return *client;
  }
  clients_.push_back(std::make_unique<UpstreamClient>(loop_, upstream, index_, stats_));
  return *clients_.back();
}

void Worker::Install(std::shared_ptr<const Snapshot> snapshot, std::vector<Opened> opened) {
  auto served = std::make_unique<ServedSnapshot>();
  served->snapshot = std::move(snapshot);
  for (const UpstreamPlan& plan : served->snapshot->upstreams) {
    served->clients.push_back(&ClientOf(plan.upstream));
  }
  for (const std::shared_ptr<const flows::FlowPlan>& plan : served->snapshot->flows) {
    served->flows.push_back(std::make_shared<flows::FlowRunner>(
        context_, plan, served->snapshot->workers, stats_.Flow(plan->config().name)));
  }
  // Listeners may have other limits now: exchanges of limits that nobody uses would stay for ever.
  free_exchanges_.clear();
  served_.push_back(std::move(served));
  ServedSnapshot& current = *served_.back();
  lag_probe_.Follow(current.snapshot->overload.state);
  if (MayResetStreams(*current.snapshot) && !pressure_.armed()) {
    loop_.Arm(pressure_, loop_.now() + kStreamResetInterval);
  }

  for (Opened& one : opened) {
    auto listener = std::make_unique<WorkerListener>();
    listener->identity = std::move(one.identity);
    listener->socket = std::move(one.socket);
    listener->share = std::move(one.share);
    listeners_.push_back(std::move(listener));
  }
  for (const std::unique_ptr<WorkerListener>& listener : listeners_) {
    const auto plan = std::ranges::find_if(
        current.snapshot->listeners, [&listener](const ListenerPlan& candidate) {
          return !listener->is_removed && IdentityOf(candidate) == listener->identity;
        });
    if (plan == current.snapshot->listeners.end()) {
      StopListening(*listener);
      continue;
    }
    const bool is_new = listener->plan == nullptr;
    listener->snapshot = SnapshotUse(current);
    listener->plan = &*plan;
    if (is_new) tasks_.Spawn(AcceptFrom(*listener));
  }
  Prune();
}

void Worker::StopListening(WorkerListener& listener) {
  listener.is_removed = true;
  if (listener.socket != nullptr) listener.socket->Cancel();
}

Task<void> Worker::AcceptFrom(WorkerListener& listener) {
  for (;;) {
    // Short of memory or descriptors: who comes now waits in the kernel's queue.
    while (StopsAccepting(*listener.snapshot->snapshot) && !listener.is_removed &&
           !context_.is_draining) {
      co_await loop_.SleepUntil(loop_.now() + kPressedPause);
    }
    Result<std::unique_ptr<Stream>> stream = co_await listener.socket->Accept();
    if (!stream) break;
    context_.stats.connections_total.Add();
    const std::int64_t bound = listener.plan->config->limits.max_connections;
    const std::int64_t before = listener.share->connections.fetch_add(1, std::memory_order_relaxed);
    if (before >= bound) {
      listener.share->connections.fetch_sub(1, std::memory_order_relaxed);
      context_.stats.connections_refused_total.Add();
      continue;  // Closes it.
    }
    tasks_.Spawn(ServeConnection(listener, std::move(*stream)));
  }
  listener.socket.reset();
}

Task<void> Worker::ServeConnection(WorkerListener& listener, std::unique_ptr<Stream> stream) {
  ++listener.sessions;
  {
    Session session(*this, listener, std::move(stream));
    session.position = sessions_.size();
    sessions_.push_back(&session);
    context_.stats.open_connections.Add(1);
    co_await session.Run();
    context_.stats.open_connections.Add(-1);
    sessions_.back()->position = session.position;
    sessions_[session.position] = sessions_.back();
    sessions_.pop_back();
  }
  listener.share->connections.fetch_sub(1, std::memory_order_relaxed);
  --listener.sessions;
}

std::unique_ptr<Exchange> Worker::TakeExchange(WorkerListener& listener) {
  const wire::HeadLimits limits = HeadLimitsOf(listener.plan->config->limits);
  for (std::size_t i = free_exchanges_.size(); i > 0; --i) {
    std::unique_ptr<Exchange>& candidate = free_exchanges_[i - 1];
    if (!Same(candidate->head_limits, limits)) continue;
    std::swap(candidate, free_exchanges_.back());
    std::unique_ptr<Exchange> exchange = std::move(free_exchanges_.back());
    free_exchanges_.pop_back();
    return exchange;
  }
  return std::make_unique<Exchange>(context_, limits);
}

void Worker::GiveBack(std::unique_ptr<Exchange> exchange) {
  exchange->Reset();
  exchange->Shrink();
  if (free_exchanges_.size() < kFreeExchangesMax) free_exchanges_.push_back(std::move(exchange));
}

void Worker::Begin(Exchange& exchange, WorkerListener& listener) {
  exchange.snapshot = SnapshotUse(*served_.back());
  // A listener that was removed answers its last request by what it was.
  exchange.listener = listener.plan;
  exchange.accepted_by = &listener;
  if (listener.is_removed) exchange.snapshot = SnapshotUse(*listener.snapshot);
  exchange.started = loop_.now();
  exchange.started_wall = loop_.wall_now();
  exchange.sequence = NewId(++exchanges_begun_);
  context_.stats.active_requests.Add(1);
}

void Worker::End() {
  context_.stats.active_requests.Add(-1);
  if (served_.size() > 1) Prune();
}

void Worker::BeginDrain() {
  if (context_.is_draining) return;
  context_.is_draining = true;
  drain_began_ = loop_.now();
  for (const std::unique_ptr<WorkerListener>& listener : listeners_) {
    if (listener->socket != nullptr) listener->socket->Cancel();
  }
  if (!housekeeping_.armed()) loop_.Arm(housekeeping_, loop_.now() + kHousekeepingInterval);
}

void Worker::ForEachListener(const std::function<void(Listener&)>& visit) {
  for (const std::unique_ptr<WorkerListener>& listener : listeners_) {
    if (listener->socket != nullptr) visit(*listener->socket);
  }
}

std::size_t Worker::Kill() {
  std::size_t killed = 0;
  // Nobody is left to hear what a name stands for.
  loop_.resolver().CancelAll();
  for (Session* session : sessions_) {
    if (session->is_answering()) {
      ++killed;
      session->Abort();
    } else {
      session->End();
    }
  }
  for (const std::unique_ptr<ServedSnapshot>& served : served_) {
    for (const auto& flow : served->flows)
      flow->StopCalls();
  }
  context_.stats.drain_killed_total.Add(killed);
  return killed;
}

void Worker::SetTap(const TapTarget& target) {
  ForgetTaps();
  const bool is_same =
      tap_ != nullptr && tap_->sink() == target.sink && tap_->options() == target.options;
  if (is_same) return;
  if (tap_ != nullptr) {
    tap_->Close();
    retired_taps_.push_back(std::move(tap_));
  }
  if (target.sink != nullptr) {
    tap_ = std::make_unique<traffic::tap::TapQueue>(loop_, *target.pool, target.sink,
                                                    target.options, context_.stats.record);
  }
  context_.tap = tap_.get();
}

void Worker::ForgetTaps() {
  std::erase_if(retired_taps_, [](const auto& tap) { return tap->is_quiet(); });
}

bool Worker::is_retired() {
  if (tasks_.running() > 0 || !egress_hosts_.is_quiet() || !flows_are_quiet()) return false;
  SetTap({});
  ForgetTaps();
  return retired_taps_.empty();
}

// Forgets listeners without connections that were removed, snapshots that nothing uses any more,
// and upstreams that no snapshot names.
void Worker::Prune() {
  std::erase_if(listeners_, [](const std::unique_ptr<WorkerListener>& listener) {
    return listener->is_removed && listener->socket == nullptr && listener->sessions == 0;
  });
  if (served_.size() > 1) {
    std::erase_if(served_, [this](const std::unique_ptr<ServedSnapshot>& served) {
      return served != served_.back() && served->users == 0;
    });
  }
  std::erase_if(clients_, [this](const std::unique_ptr<UpstreamClient>& client) {
    const bool is_served =
        std::ranges::any_of(served_, [&client](const std::unique_ptr<ServedSnapshot>& served) {
          return std::ranges::find(served->clients, client.get()) != served->clients.end();
        });
    return !is_served && client->IsQuiet();
  });
  const bool is_settled =
      served_.size() == 1 && clients_.size() <= served_.back()->clients.size() &&
      std::ranges::none_of(listeners_, [](const auto& listener) { return listener->is_removed; });
  if (!is_settled && !housekeeping_.armed()) {
    loop_.Arm(housekeeping_, loop_.now() + kHousekeepingInterval);
  }
}

void Worker::FirePressure(Timer& timer, SteadyTime now) {
  auto* worker = static_cast<Worker*>(timer.owner);
  const Snapshot& snapshot = *worker->served_.back()->snapshot;
  if (!MayResetStreams(snapshot)) return;
  const std::size_t count = ResetLargest(worker->sessions_, StreamResetRatio(snapshot));
  worker->context_.stats.streams_reset_total.Add(count);
  worker->loop_.Arm(timer, now + kStreamResetInterval);
}

void Worker::FireHousekeeping(Timer& timer, SteadyTime now) {
  auto* worker = static_cast<Worker*>(timer.owner);
  if (!worker->served_.empty()) worker->Prune();
  if (!worker->context_.is_draining) return;
  for (Session* session : worker->sessions_) {
    const SteadyTime idle_since = std::max(session->idle_since(), worker->drain_began_);
    if (session->is_idle() && now - idle_since >= kDrainIdleMax) session->End();
  }
  if (!worker->housekeeping_.armed()) {
    worker->loop_.Arm(worker->housekeeping_, now + kHousekeepingInterval);
  }
}

}  // namespace sluice::gateway
