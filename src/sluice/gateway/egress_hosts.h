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
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/event.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/stats.h"
#include "sluice/gateway/upstream_client.h"

namespace sluice::gateway {

// Loopback, link-local, multicast or unspecified, also as an IPv4-mapped IPv6 address; and unix.
[[nodiscard]] bool IsLocalAddress(const Address& address);

// Who waits for an answer, and may have gone meanwhile. Both outlive the wait.
struct EgressCaller {
  Event& wake;          // Set by whoever sets `is_gone`, too.
  const bool& is_gone;  // Then the wait ends at once.
};

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
  // answer yet; who asks for the same one meanwhile waits for the same question.
  //
  // Fails with kResolveFailed or kTimeout (side kUpstream), with kOverloaded (as many questions are
  // under way as there may be hosts), with kCancelled (the caller has gone), or with
  // kPermissionDenied (side kClient, guard "egress", rule `listener`: every address is local).
  [[nodiscard]] Task<Result<std::shared_ptr<UpstreamClient>>> Find(
      std::string host,
      std::uint16_t port,
      const config::ListenerConfig& listener,
      EgressCaller caller,
      SteadyTime deadline);

  // As Loop::Connect(), but ends with kCancelled once the caller has gone; the connection is then
  // closed when it is made.
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> Dial(Address address,
                                                           EgressCaller caller,
                                                           SteadyTime deadline);

  // True when nothing is under way in the background, and this may be destroyed.
  [[nodiscard]] bool is_quiet() const { return background_.running() == 0; }
  [[nodiscard]] std::size_t size() const { return hosts_.size(); }

 private:
  struct Host {
    std::string name;  // "listener host:port": the policies of listeners may differ.
    std::shared_ptr<UpstreamClient> client;
    SteadyTime good_until{};
    bool is_refreshing = false;
  };

  using Hosts = std::list<Host>;  // Called last at the front.

  // Asked for a host without an answer yet.
  struct Question {
    std::vector<Event*> askers;
    std::optional<Result<std::shared_ptr<UpstreamClient>>> answer;
  };
  struct Dialled {
    Event* asker = nullptr;  // Null: nobody waits any more.
    std::optional<Result<std::unique_ptr<Stream>>> stream;
  };

  [[nodiscard]] Host* Look(std::string_view name);
  void Forget(std::string_view name);
  [[nodiscard]] Task<void> Ask(std::string name,
                               std::string host,
                               std::uint16_t port,
                               config::ListenerConfig listener,
                               SteadyTime deadline);
  [[nodiscard]] static Task<void> Connect(Loop& loop,
                                          Address address,
                                          SteadyTime deadline,
                                          std::shared_ptr<Dialled> dialled);
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
  Hosts hosts_;
  std::unordered_map<std::string_view, Hosts::iterator> by_name_;  // Of the hosts' own names.
  std::unordered_map<std::string, std::shared_ptr<Question>> questions_;
  TaskGroup background_;
};

}  // namespace sluice::gateway
