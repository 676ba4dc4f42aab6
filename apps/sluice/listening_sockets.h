// The listening sockets of this process: inherited from a predecessor, shared between workers, and
// handed to a successor.
//
// Workers open sockets on their own threads, so everything here is behind a mutex; it is used at
// start, reload and upgrade only.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/platform/linux/handover.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::app {

// The admin API's socket has a name of its own among the listeners.
inline constexpr std::string_view kAdminSocket = "@admin";

class ListeningSockets {
 public:
  explicit ListeningSockets(platform::InheritedListeners inherited);

  // What gateway::OpenListener asks for: an inherited socket of that identity and worker; else, for
  // a Unix address, a duplicate of the first worker's; else a new one with SO_REUSEPORT. `loop` is
  // an EpollLoop.
  [[nodiscard]] Result<std::unique_ptr<Listener>> Open(Loop& loop,
                                                       const std::string& identity,
                                                       const Address& address,
                                                       std::size_t worker);

  // After a reload: forgets sockets of listeners that are no longer named, so that they close.
  void KeepOnly(const std::vector<std::string>& identities);

  // What a successor inherits. The descriptors stay ours.
  [[nodiscard]] std::vector<platform::HandedSocket> ForSuccessor();

  // A successor accepts from the same sockets now: they go on when this process lets go.
  void NoteSuccessor();

  [[nodiscard]] bool has_predecessor();
  void ReportReady();

 private:
  using Key = std::pair<std::string, std::size_t>;

  std::mutex mutex_;
  platform::InheritedListeners inherited_;
  bool is_handed_over_ = false;
  std::map<Key, platform::OwnedFd> opened_;  // Duplicates of our own.
};

}  // namespace sluice::app
