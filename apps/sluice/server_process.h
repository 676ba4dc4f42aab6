// ServerProcess: the wiring of `sluice serve`: who owns what, and in which order it starts and
// ends.
//
// Threads: the caller's runs the control loop; one more per worker.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "listening_sockets.h"
#include "serve.h"

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/admin/admin_api.h"
#include "sluice/gateway/admin/admin_server.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/gateway.h"
#include "sluice/platform/linux/handover.h"
#include "sluice/platform/linux/host_load.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/loop_thread.h"
#include "sluice/platform/linux/signals.h"
#include "sluice/platform/linux/worker_pool.h"

namespace sluice::app {

class ServerProcess {
 public:
  // `options` and `sockets` must outlive the process object.
  ServerProcess(const ServeOptions& options,
                gateway::config::Config config,
                ListeningSockets& sockets);
  ~ServerProcess();

  // Makes loops and threads, serves until told to stop, and returns the exit code.
  [[nodiscard]] int Run();

 private:
  [[nodiscard]] Result<void> MakeLoops();
  [[nodiscard]] Task<void> Main();
  [[nodiscard]] Task<Result<void>> StartAdmin();
  [[nodiscard]] Task<void> DrainAndStop();
  [[nodiscard]] Task<void> ReloadFromFile();
  [[nodiscard]] Task<Result<std::string>> Upgrade();
  [[nodiscard]] Task<void> UpgradeOnSignal();
  void OnSignal(int signal);
  enum class DrainCause { kAsked, kSucceeded };
  void BeginDrain(DrainCause cause);
  void SayWhatServes() const;
  void SayWhatWatches() const;
  [[nodiscard]] gateway::admin::ProcessHooks Hooks();
  [[nodiscard]] gateway::GatewayWorld World();

  const ServeOptions& options_;
  gateway::config::Config config_;
  ListeningSockets& sockets_;
  platform::HostLoadReader host_load_;
  std::unique_ptr<platform::WorkerPool> background_;  // For work that waits for the disk.
  std::unique_ptr<platform::EpollLoop> control_;
  std::vector<std::unique_ptr<platform::LoopThread>> threads_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<gateway::admin::AdminApi> api_;
  std::unique_ptr<gateway::admin::AdminServer> admin_;
  std::unique_ptr<platform::SignalWatcher> signals_;
  std::unique_ptr<platform::Successor> successor_;  // Starting, then serving.
  TaskGroup tasks_;
  bool draining_ = false;
  bool upgrading_ = false;
  int exit_code_ = 0;
};

// Reads the configuration file whole; kNotFound, kPermissionDenied, ….
[[nodiscard]] Result<std::string> ReadConfigFile(const std::string& path);

}  // namespace sluice::app
