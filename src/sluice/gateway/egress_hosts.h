// EgressHosts: the hosts that the service beside us calls and no route knows, where the listener
// passes such calls on.
//
// Each has a balancer and a pool like a configured upstream, made when it is first called and kept
// while it is; names are resolved again when their answer's time to live is over, while calls go on
// with the last good answer, which is better than none. Bounded: the host that was called longest
// ago makes room for a new one.
//
// What is resolved is checked before it is called: a name may lead to this machine itself, or to
// the metadata service of a cloud, which trust whoever reaches them.
//
// Not thread-safe: belongs to one worker.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/stats.h"
#include "sluice/gateway/upstream_client.h"

namespace sluice::gateway {

// Loopback, link-local, multicast or unspecified, also as an IPv4-mapped IPv6 address; and unix.
[[nodiscard]] bool IsLocalAddress(const Address& address);

class EgressHosts {
 public:
  // Answers with a longer time to live are asked for again after this.
  static constexpr Nanos kTimeToLiveMax = std::chrono::minutes(1);

  // How long a question in the background may take, and after how long one that failed is repeated.
  static constexpr Nanos kRefreshTimeMax = std::chrono::seconds(5);
  static constexpr Nanos kRefreshPause = std::chrono::seconds(1);

  EgressHosts(Loop& loop, std::size_t worker, StatsBook& stats);
  EgressHosts(const EgressHosts&) = delete;
  EgressHosts& operator=(const EgressHosts&) = delete;
  ~EgressHosts();  // Requires that nothing of it is in use.

  // Who to ask for `host` (a name or an address, IPv6 in brackets) at `port`; to be held for as
  // long as it is in use, since its host may have to make room. Waits only for a host that has no
  // answer yet.
  //
  // Fails with kResolveFailed or kTimeout (side kUpstream), or with kPermissionDenied (guard
  // "egress", rule `listener`: every address is local).
  [[nodiscard]] Task<Result<std::shared_ptr<UpstreamClient>>> Find(
      std::string host,
      std::uint16_t port,
      const config::ListenerConfig& listener,
      SteadyTime deadline);

  // True when no question is under way in the background, and this may be destroyed.
  [[nodiscard]] bool is_quiet() const { return refreshes_.running() == 0; }
  [[nodiscard]] std::size_t size() const { return hosts_.size(); }

 private:
  struct Host {
    std::string name;  // "listener host:port": the policies of listeners may differ.
    std::shared_ptr<UpstreamClient> client;
    SteadyTime good_until{};
    SteadyTime called_at{};
    bool is_refreshing = false;
  };

  [[nodiscard]] Host* Look(std::string_view name);
  [[nodiscard]] Task<Result<std::vector<Address>>> AddressesOf(std::string host,
                                                               std::uint16_t port,
                                                               SteadyTime deadline,
                                                               Nanos& time_to_live);
  [[nodiscard]] Result<std::shared_ptr<UpstreamClient>> Keep(std::string name,
                                                             std::vector<Address> addresses,
                                                             const config::ListenerConfig& listener,
                                                             Nanos time_to_live);
  [[nodiscard]] Task<void> Refresh(std::string name,
                                   std::string host,
                                   std::uint16_t port,
                                   config::ListenerConfig listener);
  void MakeRoom(std::size_t hosts_max);

  Loop& loop_;
  std::size_t worker_;
  StatsBook& stats_;
  std::vector<std::unique_ptr<Host>> hosts_;
  TaskGroup refreshes_;
};

}  // namespace sluice::gateway
