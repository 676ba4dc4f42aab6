#include "sluice/traffic/pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/traffic/pool_host.h"

namespace sluice::traffic {

namespace {

void AppendNewest(IdleChain& chain, IdleLinks PooledConnection::* links, PooledConnection& one) {
  (one.*links) = {.older = chain.newest, .newer = nullptr};
  (chain.newest == nullptr ? chain.oldest : (chain.newest->*links).newer) = &one;
  chain.newest = &one;
}

void Remove(IdleChain& chain, IdleLinks PooledConnection::* links, PooledConnection& one) {
  const IdleLinks out = one.*links;
  (out.older == nullptr ? chain.oldest : (out.older->*links).newer) = out.newer;
  (out.newer == nullptr ? chain.newest : (out.newer->*links).older) = out.older;
  one.*links = {};
}

ConnectionLimits LimitsOf(const UpstreamOptions& options) {
  ConnectionLimits limits;
  limits.head.header_block_max = options.response_head_max;
  limits.informational_max = options.informational_max;
  return limits;
}

}  // namespace

Connection& Lease::operator*() const {
  SLUICE_ASSERT(connection_ != nullptr);
  return connection_->connection;
}

Endpoint& Lease::endpoint() const {
  SLUICE_ASSERT(connection_ != nullptr);
  return *connection_->host.endpoint;
}

bool Lease::reused() const {
  SLUICE_ASSERT(connection_ != nullptr);
  return connection_->connection.exchanges() > 1;
}

void Lease::Release() {
  if (connection_ == nullptr) return;
  pool_->GiveBack(*std::exchange(connection_, nullptr));
}

void Cancellation::Cancel() {
  cancelled_ = true;
  if (waiting_ == nullptr) return;
  waiting_->outcome = WaitOutcome::kCancelled;
  waiting_->pool.Wake(*waiting_);
}

void Cancellation::Waiting::OnTimer(Timer& timer, SteadyTime /*now*/) {
  auto& waiting = *static_cast<Waiting*>(timer.owner);
  waiting.outcome = WaitOutcome::kTimedOut;
  waiting.pool.Wake(waiting);
}

void Pool::WaitAwaiter::await_suspend(std::coroutine_handle<> awaiter) {
  Host& host = waiting_.host;
  Pool& pool = waiting_.pool;
  waiting_.ready.handle = awaiter;
  waiting_.previous = host.last_waiting;
  (host.last_waiting == nullptr ? host.first_waiting : host.last_waiting->next) = &waiting_;
  host.last_waiting = &waiting_;
  ++host.waiting;
  ++pool.waiting_;
  if (waiting_.cancellation != nullptr) waiting_.cancellation->waiting_ = &waiting_;
  pool.metrics_.waiting.Add(1);
  if (deadline_ != kNever) pool.loop_.Arm(waiting_.timer, deadline_);
}

// Takes `waiting` out of its queue and lets it go on with the outcome that the caller has set.
void Pool::Wake(Waiting& waiting) {
  Host& host = waiting.host;
  (waiting.previous == nullptr ? host.first_waiting : waiting.previous->next) = waiting.next;
  (waiting.next == nullptr ? host.last_waiting : waiting.next->previous) = waiting.previous;
  --host.waiting;
  --waiting_;
  metrics_.waiting.Add(-1);
  if (waiting.timer.armed()) loop_.Disarm(waiting.timer);
  if (waiting.cancellation != nullptr) waiting.cancellation->waiting_ = nullptr;
  RunQueue::Current().Push(waiting.ready);
}

Pool::Pool(Loop& loop, std::shared_ptr<const Upstream> upstream, std::size_t worker)
    : loop_(loop),
      upstream_(std::move(upstream)),
      list_(upstream_->Endpoints()),
      limits_(LimitsOf(upstream_->options())),
      worker_(worker),
      connections_max_(
          ShareOf(upstream_->options().pool.connections_max, upstream_->workers(), worker)),
      waiting_max_(ShareOf(upstream_->options().pool.waiting_max, upstream_->workers(), worker)),
      idle_timer_(&OnIdleTimer, this),
      reap_timer_(&OnReapTimer, this) {
  SLUICE_ASSERT(worker < upstream_->workers());
}

Pool::~Pool() {
  SLUICE_ASSERT(leases_ == 0);
  SLUICE_ASSERT(waiting_ == 0);
  draining_ = true;
  CloseIdle();
  Reap();
  if (idle_timer_.armed()) loop_.Disarm(idle_timer_);
  if (reap_timer_.armed()) loop_.Disarm(reap_timer_);
}

Task<Result<Lease>> Pool::Acquire(Endpoint& endpoint,
                                  SteadyTime deadline,
                                  Cancellation* cancellation) {
  if (draining_) co_return Refuse(ErrorCode::kDraining);
  if (cancellation != nullptr && cancellation->cancelled()) {
    co_return Refuse(ErrorCode::kCancelled);
  }
  Sync();
  Host& host = HostOf(endpoint);
  if (PooledConnection* idle = TakeIdle(host)) co_return Lend(*idle);

  if (host.connections < connections_max_) {
    ReserveSlot(host);
    co_return co_await Connect(host, deadline, cancellation);
  }
  if (host.waiting >= waiting_max_) {
    metrics_.overflows.Add();
    co_return Refuse(ErrorCode::kOverloaded);
  }
  Waiting waiting(*this, host, cancellation);
  co_await WaitAwaiter(waiting, deadline);
  switch (waiting.outcome) {
    case WaitOutcome::kGiven:
      co_return Lend(*waiting.connection);
    case WaitOutcome::kMayConnect:
      co_return co_await Connect(host, deadline, cancellation);
    case WaitOutcome::kTimedOut:
      metrics_.wait_timeouts.Add();
      co_return Refuse(ErrorCode::kOverloaded);
    case WaitOutcome::kCancelled:
      co_return Refuse(ErrorCode::kCancelled);
    case WaitOutcome::kDraining:
      break;
  }
  co_return Refuse(ErrorCode::kDraining);
}

// A slot of `host` is reserved and counted as lent.
Task<Result<Lease>> Pool::Connect(Host& host, SteadyTime deadline, Cancellation* cancellation) {
  metrics_.connects.Add();
  const SteadyTime connect_by =
      std::min(deadline, SaturatingAdd(loop_.now(), upstream_->options().connect_timeout));
  Result<std::unique_ptr<Stream>> stream =
      co_await loop_.Connect(host.endpoint->address(), connect_by);
  if (!stream) {
    metrics_.connect_failures.Add();
    --leases_;
    FreeSlot(host);
    co_return FailConnect(std::move(stream.error()), connect_by == deadline);
  }
  PooledConnection& connection =
      *std::make_unique<PooledConnection>(*this, host, std::move(*stream)).release();
  const bool is_cancelled = cancellation != nullptr && cancellation->cancelled();
  if (is_cancelled || draining_) {
    // Somebody else may use it; GiveBack() knows what to do when nobody may.
    GiveBack(connection);
    co_return Refuse(is_cancelled ? ErrorCode::kCancelled : ErrorCode::kDraining);
  }
  co_return Lend(connection);
}

// A loop's errors are kSafe already, and know their side.
std::unexpected<Error> Pool::FailConnect(Error error, bool deadline_came_first) const {
  if (error.code == ErrorCode::kTimeout && deadline_came_first) {
    error.code = ErrorCode::kUpstreamTimeout;
  } else if (error.code == ErrorCode::kTimeout) {
    error.code = ErrorCode::kConnectFailed;
    error.detail =
        fmt::format("no answer within {}", std::chrono::duration_cast<std::chrono::milliseconds>(
                                               upstream_->options().connect_timeout));
  }
  return std::unexpected(std::move(error));
}

// Allocates nothing: this is what overload looks like.
std::unexpected<Error> Pool::Refuse(ErrorCode code) const {
  return std::unexpected(Error{.code = code,
                               .side = Side::kSelf,
                               .retry = RetryAdvice::kSafe,
                               .guard = "pool",
                               .rule = upstream_->name()});
}

Lease Pool::Lend(PooledConnection& connection) {
  connection.connection.Begin();
  if (connection.connection.exchanges() > 1) metrics_.reuses.Add();
  return Lease(*this, connection);
}

PooledConnection* Pool::TakeIdle(Host& host) {
  while (host.idle.newest != nullptr) {
    PooledConnection& connection = *host.idle.newest;
    Stream& stream = connection.connection.stream();
    stream.WatchHangup(nullptr);
    Unpark(connection);
    if (!stream.MaybeReadable()) {
      ++leases_;
      return &connection;
    }
    // Its end, or bytes that nobody asked for: an answer to a question not yet put.
    metrics_.closed_by_server.Add();
    Close(connection);
  }
  return nullptr;
}

void Pool::GiveBack(PooledConnection& connection) {
  --leases_;
  const std::uint64_t exchanges_max = upstream_->options().pool.requests_per_connection;
  Connection& used = connection.connection;
  const bool is_spent = exchanges_max != 0 && used.exchanges() >= exchanges_max;
  if (draining_ || connection.host.leaving || is_spent || !used.reusable() ||
      used.stream().MaybeReadable()) {
    metrics_.closed_used.Add();
    Close(connection);
    return;
  }
  Waiting* const next = connection.host.first_waiting;
  if (next == nullptr) {
    Park(connection);
    return;
  }
  ++leases_;
  next->outcome = WaitOutcome::kGiven;
  next->connection = &connection;
  Wake(*next);
}

void Pool::Park(PooledConnection& connection) {
  const PoolOptions& bounds = upstream_->options().pool;
  if (bounds.idle_max == 0) {
    metrics_.closed_idle.Add();
    Close(connection);
    return;
  }
  if (idle_count_ >= bounds.idle_max) CloseOldest();
  connection.idle_since = loop_.now();
  AppendNewest(connection.host.idle, &PooledConnection::in_host, connection);
  AppendNewest(idle_, &PooledConnection::in_pool, connection);
  ++idle_count_;
  metrics_.idle.Add(1);
  if (!idle_timer_.armed()) {
    loop_.Arm(idle_timer_, idle_.oldest->idle_since + bounds.idle_timeout);
  }
  // Last, since it may call Hangup() at once.
  connection.connection.stream().WatchHangup(&connection);
}

void Pool::Unpark(PooledConnection& connection) {
  Remove(connection.host.idle, &PooledConnection::in_host, connection);
  Remove(idle_, &PooledConnection::in_pool, connection);
  --idle_count_;
  metrics_.idle.Add(-1);
}

// The server closed an idle connection. We are inside a callback of its stream, so that is
// destroyed in the next turn.
void Pool::Hangup(PooledConnection& connection) {
  metrics_.closed_by_server.Add();
  Unpark(connection);
  connection.next_dying = dying_;
  dying_ = &connection;
  if (!reap_timer_.armed()) loop_.Arm(reap_timer_, loop_.now());
}

void Pool::Reap() {
  while (dying_ != nullptr) {
    PooledConnection& dead = *dying_;
    dying_ = dead.next_dying;
    Close(dead);
  }
}

// Destroys `connection`, which is in no chain, and passes its slot on.
void Pool::Close(PooledConnection& connection) {
  Host& host = connection.host;
  {
    const std::unique_ptr<PooledConnection> closed(&connection);
  }
  FreeSlot(host);
}

void Pool::CloseOldest() {
  PooledConnection& oldest = *idle_.oldest;
  oldest.connection.stream().WatchHangup(nullptr);
  Unpark(oldest);
  metrics_.closed_idle.Add();
  Close(oldest);
}

void Pool::ReserveSlot(Host& host) {
  CountConnection(host, 1);
  ++leases_;
}

void Pool::FreeSlot(Host& host) {
  CountConnection(host, -1);
  if (Waiting* const next = host.first_waiting) {
    ReserveSlot(host);
    next->outcome = WaitOutcome::kMayConnect;
    Wake(*next);
  }
}

void Pool::CountConnection(Host& host, int change) {
  host.connections += static_cast<std::size_t>(change);
  metrics_.connections.Add(change);
  host.endpoint->load(worker_).connections.Add(change);
}

void Pool::CloseIdle() {
  while (idle_.oldest != nullptr) {
    CloseOldest();
  }
  FreeUnusedHosts();
}

void Pool::Drain() {
  draining_ = true;
  CloseIdle();
  for (const auto* hosts : {&hosts_, &leaving_}) {
    for (const std::unique_ptr<Host>& host : *hosts) {
      while (host != nullptr && host->first_waiting != nullptr) {
        host->first_waiting->outcome = WaitOutcome::kDraining;
        Wake(*host->first_waiting);
      }
    }
  }
}

void Pool::Sync() {
  FreeUnusedHosts();
  if (upstream_->generation() == list_->generation) return;
  list_ = upstream_->Endpoints();
  // Those that came back first, so that none is in both.
  for (std::unique_ptr<Host>& host : leaving_) {
    if (!Lists(*host->endpoint)) continue;
    host->leaving = false;
    PlaceOf(host->endpoint->slot()) = std::move(host);
  }
  std::erase(leaving_, nullptr);
  for (std::unique_ptr<Host>& host : hosts_) {
    if (host == nullptr || Lists(*host->endpoint)) continue;
    host->leaving = true;
    CloseIdleOf(*host);
    leaving_.push_back(std::move(host));
  }
  FreeUnusedHosts();
}

void Pool::CloseIdleOf(Host& host) {
  while (host.idle.oldest != nullptr) {
    PooledConnection& connection = *host.idle.oldest;
    connection.connection.stream().WatchHangup(nullptr);
    Unpark(connection);
    metrics_.closed_idle.Add();
    Close(connection);
  }
}

bool Pool::Lists(const Endpoint& endpoint) const {
  const auto before = [](const EndpointMember& member, std::size_t slot) {
    return member.endpoint->slot() < slot;
  };
  const auto at =
      std::lower_bound(list_->members.begin(), list_->members.end(), endpoint.slot(), before);
  return at != list_->members.end() && at->endpoint.get() == &endpoint;
}

std::unique_ptr<Pool::Host>& Pool::PlaceOf(std::size_t slot) {
  if (slot >= hosts_.size()) hosts_.resize(slot + 1);
  return hosts_[slot];
}

Pool::Host& Pool::HostOf(Endpoint& endpoint) {
  std::unique_ptr<Host>& place = PlaceOf(endpoint.slot());
  // A slot goes to another endpoint only when nobody holds the last one, and a Host holds it.
  if (place != nullptr && place->endpoint.get() == &endpoint) return *place;
  if (Lists(endpoint)) {
    SLUICE_ASSERT(place == nullptr);
    place = std::make_unique<Host>(endpoint.shared_from_this());
    return *place;
  }
  // It was picked before it left the list: served, but nothing of it is kept.
  for (const std::unique_ptr<Host>& host : leaving_) {
    if (host->endpoint.get() == &endpoint) return *host;
  }
  leaving_.push_back(std::make_unique<Host>(endpoint.shared_from_this()));
  leaving_.back()->leaving = true;
  return *leaving_.back();
}

void Pool::FreeUnusedHosts() {
  if (leaving_.empty()) return;
  std::erase_if(leaving_, [](const std::unique_ptr<Host>& host) { return host->unused(); });
}

void Pool::OnIdleTimer(Timer& timer, SteadyTime now) {
  Pool& pool = *static_cast<Pool*>(timer.owner);
  pool.Sync();
  const Nanos idle_timeout = pool.upstream_->options().pool.idle_timeout;
  while (pool.idle_.oldest != nullptr && pool.idle_.oldest->idle_since + idle_timeout <= now) {
    pool.CloseOldest();
  }
  if (pool.idle_.oldest != nullptr) {
    pool.loop_.Arm(timer, pool.idle_.oldest->idle_since + idle_timeout);
  }
}

void Pool::OnReapTimer(Timer& timer, SteadyTime /*now*/) {
  static_cast<Pool*>(timer.owner)->Reap();
}

}  // namespace sluice::traffic
