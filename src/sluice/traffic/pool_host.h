// The insides of a Pool: what it keeps of one endpoint, of one connection and of one wait.
// Included by pool.cc alone.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "sluice/contract/stream.h"
#include "sluice/traffic/pool.h"

namespace sluice::traffic {

// Neighbours in an IdleChain.
struct IdleLinks {
  PooledConnection* older = nullptr;
  PooledConnection* newer = nullptr;
};

// Owned by the pool: by its idle chains while idle, by the Lease while lent, by `dying_` at the
// end.
struct PooledConnection final : HangupWatcher {
  PooledConnection(Pool& its_pool, Pool::Host& its_host, std::unique_ptr<Stream> stream)
      : pool(its_pool),
        host(its_host),
        connection(its_pool.loop_, std::move(stream), its_pool.limits_) {}

  PooledConnection(const PooledConnection&) = delete;
  PooledConnection& operator=(const PooledConnection&) = delete;
  virtual ~PooledConnection() = default;

  void OnHangup() override { pool.Hangup(*this); }

  Pool& pool;
  Pool::Host& host;
  Connection connection;
  SteadyTime idle_since{};
  IdleLinks in_host;
  IdleLinks in_pool;
  PooledConnection* next_dying = nullptr;
};

// One endpoint. Lives while it is in the list, and then until its last connection is closed.
struct Pool::Host {
  explicit Host(std::shared_ptr<Endpoint> its_endpoint) : endpoint(std::move(its_endpoint)) {}

  // Waits exist only while all connections are lent: then the queue is asked before the idle chain.
  [[nodiscard]] bool unused() const { return connections == 0 && first_waiting == nullptr; }

  std::shared_ptr<Endpoint> endpoint;
  IdleChain idle;
  std::size_t connections = 0;  // Open or being opened, idle or lent.
  Waiting* first_waiting = nullptr;
  Waiting* last_waiting = nullptr;
  std::size_t waiting = 0;
  bool leaving = false;
};

// An Acquire() in its endpoint's queue. Lives in its coroutine's frame.
struct Cancellation::Waiting {
  Waiting(Pool& its_pool, Pool::Host& its_host, Cancellation* its_cancellation)
      : pool(its_pool), host(its_host), cancellation(its_cancellation), timer(&OnTimer, this) {}

  static void OnTimer(Timer& timer, SteadyTime now);

  Pool& pool;
  Pool::Host& host;
  Cancellation* cancellation;  // May be null.
  Ready ready;
  Timer timer;
  Waiting* next = nullptr;
  Waiting* previous = nullptr;
  WaitOutcome outcome = WaitOutcome::kTimedOut;
  PooledConnection* connection = nullptr;  // With kGiven.
};

// Puts a wait at the end of its queue, and resumes when Pool::Wake() takes it out.
class Pool::WaitAwaiter {
 public:
  WaitAwaiter(Waiting& waiting, SteadyTime deadline) : waiting_(waiting), deadline_(deadline) {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiter);
  void await_resume() const {}

 private:
  Waiting& waiting_;
  SteadyTime deadline_;
};

}  // namespace sluice::traffic
