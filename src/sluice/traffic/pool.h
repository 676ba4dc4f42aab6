// Pool: the connections of one worker to the endpoints of one upstream.
//
// Idle connections are taken last in, first out, so that few stay hot and the others age away. A
// connection is idle under watch: when its server closes it, it goes at once; when bytes wait on it
// that nobody asked for, it is not used again. At its bound of connections an endpoint has a queue,
// first in, first out.
//
// Not thread-safe: belongs to one loop. Taking and giving back an idle connection allocates nothing
// (the coroutine frame of Acquire() is pooled).

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/traffic/connection.h"
#include "sluice/traffic/upstream.h"

namespace sluice::traffic {

class Pool;
struct PooledConnection;

// How a wait in a queue ended.
enum class WaitOutcome : std::uint8_t { kGiven, kMayConnect, kTimedOut, kCancelled, kDraining };

// Idle connections, the one idle longest at one end.
struct IdleChain {
  PooledConnection* oldest = nullptr;
  PooledConnection* newest = nullptr;
};

// A connection lent to one exchange. Move-only. Destroying it gives the connection back when it is
// reusable, and closes it otherwise; no operation may be pending on its stream then. Must not
// outlive the pool.
class [[nodiscard]] Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        connection_(std::exchange(other.connection_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      Release();
      pool_ = std::exchange(other.pool_, nullptr);
      connection_ = std::exchange(other.connection_, nullptr);
    }
    return *this;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { Release(); }

  explicit operator bool() const { return connection_ != nullptr; }
  [[nodiscard]] Connection& operator*() const;
  [[nodiscard]] Connection* operator->() const { return &**this; }
  [[nodiscard]] Endpoint& endpoint() const;

  // It has served an exchange before: a close before the first response byte is then most likely
  // the race with the server's idle timeout.
  [[nodiscard]] bool reused() const;

  // What the destructor does, now. Idempotent.
  void Release();

 private:
  friend class Pool;
  Lease(Pool& pool, PooledConnection& connection) : pool_(&pool), connection_(&connection) {}

  Pool* pool_ = nullptr;
  PooledConnection* connection_ = nullptr;
};

// Gives up a wait for a connection from outside, when the client went away, say. One per Acquire().
class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  // The Acquire() it was given to fails with kCancelled: at once while it waits in the queue; when
  // a connect is under way, at its end (the connection then serves somebody else). Idempotent.
  void Cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  friend class Pool;
  struct Waiting;

  Waiting* waiting_ = nullptr;
  bool cancelled_ = false;
};

// Of one worker; any thread may read.
struct PoolMetrics {
  Gauge connections;  // Open or being opened.
  Gauge idle;
  Gauge waiting;             // Requests in the queue.
  Counter connects;          // Attempts to connect.
  Counter connect_failures;  // Of these.
  Counter reuses;            // Leases of a connection that had served before.
  Counter closed_by_server;  // Idle ones that the server closed, or that had bytes waiting.
  Counter closed_idle;       // Idle ones that aged, were one too many, or whose endpoint left.
  Counter closed_used;       // Given back and not reusable, or after their last request.
  Counter overflows;         // Refused because the queue was full.
  Counter wait_timeouts;     // Refused because the deadline passed in the queue.
};

class Pool final {
 public:
  // `loop` is that of worker `worker` < upstream->workers(), and outlives the pool.
  Pool(Loop& loop, std::shared_ptr<const Upstream> upstream, std::size_t worker);
  // Closes idle connections. Requires that leases() and waiting() are 0 (Drain() first).
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A connection to `endpoint` with a new exchange begun: the idle one used last, else a new one
  // within connect_timeout, else, at the bound, the next that comes free. `endpoint` must live
  // until the lease is there (hold the Selection); `cancellation` too, when there is one.
  //
  // Fails, all kSafe, with
  //   kConnectFailed    refused, unreachable, or no answer within connect_timeout (side kUpstream);
  //   kOutOfDescriptors (side kSelf);
  //   kUpstreamTimeout  `deadline` passed while connecting (side kUpstream);
  //   kOverloaded       the queue is full, or `deadline` passed in it (side kSelf, guard "pool",
  //                     rule the upstream's name);
  //   kDraining         Drain() was called; kCancelled.
  Task<Result<Lease>> Acquire(Endpoint& endpoint,
                              SteadyTime deadline,
                              Cancellation* cancellation = nullptr);

  // Closes all idle connections now.
  void CloseIdle();

  // For good: closes idle connections, refuses waiting and later Acquire()s with kDraining and
  // closes every connection that is given back.
  void Drain();

  // Closes idle connections to endpoints that left the list, when it has changed. Acquire() and the
  // idle timer do it too.
  void Sync();

  [[nodiscard]] const PoolMetrics& metrics() const { return metrics_; }
  // Connections lent or being opened for an Acquire().
  [[nodiscard]] std::size_t leases() const { return leases_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  friend class Lease;
  friend class Cancellation;
  friend struct PooledConnection;
  struct Host;
  using Waiting = Cancellation::Waiting;
  class WaitAwaiter;

  [[nodiscard]] bool Lists(const Endpoint& endpoint) const;
  [[nodiscard]] std::unique_ptr<Host>& PlaceOf(std::size_t slot);
  [[nodiscard]] Host& HostOf(Endpoint& endpoint);
  void FreeUnusedHosts();
  [[nodiscard]] PooledConnection* TakeIdle(Host& host);
  [[nodiscard]] Lease Lend(PooledConnection& connection);
  Task<Result<Lease>> Connect(Host& host, SteadyTime deadline, Cancellation* cancellation);
  [[nodiscard]] std::unexpected<Error> FailConnect(Error error, bool deadline_came_first) const;
  [[nodiscard]] std::unexpected<Error> Refuse(ErrorCode code) const;
  void GiveBack(PooledConnection& connection);
  void Park(PooledConnection& connection);
  void Unpark(PooledConnection& connection);
  void Hangup(PooledConnection& connection);
  void Reap();
  void Close(PooledConnection& connection);
  void CloseOldest();
  void CloseIdleOf(Host& host);
  void ReserveSlot(Host& host);
  void FreeSlot(Host& host);
  void CountConnection(Host& host, int change);
  void Wake(Waiting& waiting);
  static void OnIdleTimer(Timer& timer, SteadyTime now);
  static void OnReapTimer(Timer& timer, SteadyTime now);

  Loop& loop_;
  std::shared_ptr<const Upstream> upstream_;
  std::shared_ptr<const EndpointList> list_;
  std::vector<std::unique_ptr<Host>> hosts_;    // By slot.
  std::vector<std::unique_ptr<Host>> leaving_;  // Out of the list, or their slot is another's now.
  IdleChain idle_;                              // Of all hosts.
  PooledConnection* dying_ = nullptr;           // Found dead inside a callback of their stream.
  ConnectionLimits limits_;
  std::size_t worker_;
  const std::size_t connections_max_;  // Shares of this worker.
  const std::size_t waiting_max_;
  Timer idle_timer_;
  Timer reap_timer_;
  bool draining_ = false;
  std::size_t leases_ = 0;
  std::size_t waiting_ = 0;
  std::size_t idle_count_ = 0;
  PoolMetrics metrics_;
};

}  // namespace sluice::traffic
