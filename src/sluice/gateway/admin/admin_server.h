// AdminServer: serves the admin API over HTTP/1.1 on the control loop.
//
// On a thread of its own, so it answers while workers are saturated. Bounded: connections, heads
// (the parser's limits), bodies (kBodyBytesMax) and time.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/admin/access_policy.h"
#include "sluice/gateway/admin/admin_api.h"
#include "sluice/gateway/config/load.h"

namespace sluice::gateway::admin {

class AdminServer {
 public:
  static constexpr Bytes kBodyBytesMax = config::kConfigBytesMax;
  static constexpr std::size_t kConnectionsMax = 256;

  AdminServer(Loop& control, AdminApi& api, AccessPolicy policy);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  ~AdminServer();  // After Stopped().

  // Serves `listener`, which belongs to the control loop.
  void Start(std::unique_ptr<Listener> listener);

  // Ends all connections and stops accepting.
  void RequestStop();
  [[nodiscard]] Task<void> Stopped();

  // Calls `visit` for the listening socket.
  void ForListener(const std::function<void(Listener&)>& visit) const { visit(*listener_); }

  [[nodiscard]] const Address& bound() const { return listener_->local(); }

 private:
  [[nodiscard]] Task<void> Accept();
  [[nodiscard]] Task<void> Serve(std::unique_ptr<Stream> stream);

  Loop& loop_;
  AdminApi& api_;
  AccessPolicy policy_;
  std::unique_ptr<Listener> listener_;
  std::vector<Stream*> streams_;
  TaskGroup tasks_;
  bool stopping_ = false;
};

}  // namespace sluice::gateway::admin
