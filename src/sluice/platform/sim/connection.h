// Connection: two pipes and two ends, as TCP joins them.
//
// Belongs to the Network until both ends are closed. An end is a Stream, or a place in a listener's
// backlog while nobody has accepted it. Closing an end with bytes unread, and bytes that come to a
// closed end, reset the connection, as the kernel does.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/platform/sim/pipe.h"

namespace sluice::sim {

class Listener;
class Loop;
class Network;
class Stream;
struct Site;

enum class Role : std::uint8_t { kClient, kServer };

[[nodiscard]] constexpr Role Other(Role role) {
  return role == Role::kClient ? Role::kServer : Role::kClient;
}

class Connection {
 public:
  struct End {
    Loop* loop = nullptr;
    Address address;
    Stream* stream = nullptr;
    bool closed = false;
  };

  Connection(Network& network, std::uint64_t number, Site& site, Random* recut);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] Site& site() const { return site_; }
  [[nodiscard]] Network& network() const { return network_; }
  [[nodiscard]] End& end(Role role) { return ends_[static_cast<std::size_t>(role)]; }
  [[nodiscard]] const End& end(Role role) const { return ends_[static_cast<std::size_t>(role)]; }
  // What comes to `role`.
  [[nodiscard]] const Pipe& incoming(Role role) const { return pipe_to(role); }
  [[nodiscard]] const Pipe& outgoing(Role role) const { return pipe_to(Other(role)); }

  // True when all that `role` has written is within its send buffer.
  [[nodiscard]] bool Drained(Role role) const;
  void Write(Role role, std::span<const ByteView> segments);
  // Forgets what `role` has written beyond its send buffer.
  void DropOverflow(Role role);
  void EndWriting(Role role);
  Bytes Read(Role role, std::span<char> room);

  // `role` is gone. This may destroy the connection.
  void Close(Role role, bool reset);

  // Both ends find the connection reset in their next turns.
  void ResetBoth();
  // Looks again at what was held while the way was silent.
  void Resume();

  // What was sent to `role` may have arrived.
  void OnArrival(Role role);
  // The other end may have made room for what `role` writes.
  void OnGrant(Role role);

 private:
  [[nodiscard]] Pipe& pipe_to(Role role) { return pipes_[static_cast<std::size_t>(role)]; }
  [[nodiscard]] const Pipe& pipe_to(Role role) const {
    return pipes_[static_cast<std::size_t>(role)];
  }
  [[nodiscard]] bool Silent() const;
  void Flush(Role role);
  void SendReset(Role role);

  Network& network_;
  std::uint64_t number_;
  Site& site_;
  std::array<End, 2> ends_;
  std::array<Pipe, 2> pipes_;
  bool reset_by_fault_ = false;
};

}  // namespace sluice::sim
