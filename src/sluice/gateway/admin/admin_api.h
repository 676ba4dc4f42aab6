// AdminApi: what the admin API answers. docs/admin-api.md is its reference.
//
// Belongs to the control loop. It reads counters and atomics, and never waits for a worker, but
// where it changes what workers do (a new configuration).

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/admin/admin_request.h"
#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {

struct ProcessNumbers {
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  double cpu_seconds = 0;
};

// What only the process around the gateway can do. Empty functions: it cannot, and says so (501).
struct ProcessHooks {
  std::string version;
  std::function<Result<std::string>()> read_config;  // The configuration file's text.
  std::string config_file;
  std::function<void()> drain;  // Begins to drain; returns at once.
  std::function<Task<Result<std::string>>()>
      upgrade;  // A text for people when the successor serves.
  std::function<Result<ProcessNumbers>()> usage;
  long pid = 0;
};

class AdminApi {
 public:
  AdminApi(Gateway& gateway, ProcessHooks hooks);

  // Answers any request that the access policy has let through.
  [[nodiscard]] Task<AdminResponse> Answer(const AdminRequest& request);
  // What `/api/v1/events` tells; see event_stream.h.
  [[nodiscard]] const EventFeed& feed() const { return gateway_.feed(); }

 private:
  [[nodiscard]] AdminResponse Get(const AdminRequest& request) const;
  [[nodiscard]] AdminResponse GetFlow(const AdminRequest& request) const;
  [[nodiscard]] Task<AdminResponse> Post(const AdminRequest& request);
  [[nodiscard]] Task<AdminResponse> PostConfig(const AdminRequest& request);
  [[nodiscard]] Task<AdminResponse> Reload();
  [[nodiscard]] Task<AdminResponse> Upgrade();
  [[nodiscard]] AdminResponse PostBreaker(std::string_view rest);

  Gateway& gateway_;
  ProcessHooks hooks_;
};

}  // namespace sluice::gateway::admin
