// Worker: everything one loop serves: its listeners, its client connections, its side of each
// upstream. Shared nothing: other threads only post to its loop.
//
// Life: Open() new listeners, Install() a snapshot, …, BeginDrain(), Kill(), and when it
// is_retired() its end. All calls on the worker's own loop.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/byte_sink.h"
#include "sluice/contract/event.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/access_log.h"
#include "sluice/gateway/egress_hosts.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/lag_probe.h"
#include "sluice/gateway/recordings.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/gateway/upstream_client.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/gateway/worker_listener.h"

namespace sluice::gateway {

class Session;

// How a worker gets a listening socket. The default binds one; a process that was handed sockets
// (upgrade) or shares one between workers (unix) does it its own way.
using OpenListener = std::function<Result<std::unique_ptr<Listener>>(
    Loop& loop, const std::string& identity, const Address& address, std::size_t worker)>;

struct WorkerOptions {
  std::size_t index = 0;
  OpenListener open_listener;
  StatsBook* stats = nullptr;
  const limit::KeyHasher* key_hasher = nullptr;
};

class Worker {
 public:
  Worker(Loop& loop, const WorkerOptions& options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();  // Requires that no session is left; see is_retired().

  // A listener to be: bound, not yet accepting. Dropping it closes it.
  struct Opened {
    std::string identity;
    Address bound;  // With the real port.
    std::unique_ptr<Listener> socket;
    std::shared_ptr<ListenerShare> share;
  };

  // Binds one listener that this worker does not serve yet.
  [[nodiscard]] Result<Opened> Open(const std::string& identity,
                                    const Address& address,
                                    std::shared_ptr<ListenerShare> share);

  // Swaps to `snapshot`: the next request is served by it. `opened` start to accept; listeners that
  // it does not name stop, and their connections end after their next response.
  void Install(std::shared_ptr<const Snapshot> snapshot, std::vector<Opened> opened);

  // Stops accepting; responses say `Connection: close`; connections idle for long are closed.
  void BeginDrain();
  // True when no connection is left, and no flow calls anybody.
  [[nodiscard]] bool is_empty() const { return sessions_.empty() && flows_are_quiet(); }
  // Ends every connection and every call of a flow now; returns how many exchanges were under way.
  std::size_t Kill();

  // Calls `visit` for every socket that still listens.
  void ForEachListener(const std::function<void(Listener&)>& visit);

  // Where the access log goes from now on; null: nowhere.
  void SetAccessLog(std::shared_ptr<ByteSink> sink) { access_log_.SetSink(std::move(sink)); }

  // Where exchanges that begin from now on are recorded; without a sink nowhere. Those under way go
  // where they began.
  void SetTap(const TapTarget& target);

  // True when every task of this worker has ended and it may be destroyed. After Kill().
  [[nodiscard]] bool is_retired();

  [[nodiscard]] WorkerContext& context() { return context_; }

  // The number `count` of this worker as one of the whole gateway.
  [[nodiscard]] std::uint64_t NewId(std::uint64_t count) const { return count * kIdStep + index_; }

  // Session's own.
  [[nodiscard]] std::unique_ptr<Exchange> TakeExchange(WorkerListener& listener);
  void GiveBack(std::unique_ptr<Exchange> exchange);
  void Begin(Exchange& exchange, WorkerListener& listener);
  void End();

 private:
  [[nodiscard]] bool flows_are_quiet() const;
  [[nodiscard]] Task<void> AcceptFrom(WorkerListener& listener);
  [[nodiscard]] Task<void> ServeConnection(WorkerListener& listener,
                                           std::unique_ptr<Stream> stream);
  [[nodiscard]] UpstreamClient& ClientOf(const std::shared_ptr<traffic::Upstream>& upstream);
  static constexpr std::uint64_t kIdStep = 1024;  // More than there are workers.

  void StopListening(WorkerListener& listener);
  void ForgetTaps();
  void Prune();
  static void FireHousekeeping(Timer& timer, SteadyTime now);
  static void FirePressure(Timer& timer, SteadyTime now);

  Loop& loop_;
  std::size_t index_;
  StatsBook& stats_;
  OpenListener open_listener_;
  AccessLog access_log_;
  EgressHosts egress_hosts_;
  WorkerContext context_;
  TaskGroup tasks_;
  std::vector<std::unique_ptr<UpstreamClient>> clients_;
  std::vector<std::unique_ptr<ServedSnapshot>> served_;  // The last one is current.
  std::vector<std::unique_ptr<WorkerListener>> listeners_;
  std::vector<Session*> sessions_;
  // One serves only listeners with the limits of its reader.
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  Timer housekeeping_;
  Timer pressure_;  // Armed while a configuration may ask for exchanges to end.
  LagProbe lag_probe_;
  SteadyTime drain_began_{};
  std::uint64_t exchanges_begun_ = 0;
  std::unique_ptr<traffic::tap::TapQueue> tap_;
  std::vector<std::unique_ptr<traffic::tap::TapQueue>> retired_taps_;  // Until they are quiet.
};

}  // namespace sluice::gateway
