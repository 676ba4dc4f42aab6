// A server of a simulated world, and a world with a client, for the tests of this room.
//
// The server does nothing by itself but accept and receive: the test's body says what it sends and
// when it closes; or `answer` is set and goes out for every request head.
//
// `World` is sim::World: this header sees only the contract, the tests bring the platform.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"

namespace sluice::traffic {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// What World::AddLoop() makes.
template <typename World>
using SimulatedLoop = std::remove_reference_t<decltype(std::declval<World&>().AddLoop())>;

template <typename World>
class SimulatedServer {
 public:
  struct Peer {
    std::unique_ptr<Stream> stream;  // Null once closed.
    std::string received;
    std::size_t answered = 0;  // Bytes of `received` that were answered.
    bool ended = false;        // The client ended or reset the connection.
  };

  SimulatedServer(World& world, const Address& address)
      : loop_(world.AddLoop({.name = "server", .host = address.WithPort(0)})),
        listener_(std::move(loop_.Listen(address, {}).value())) {
    Spawn(AcceptAll());
  }

  // Sends `bytes` on the connection accepted as number `index`, from 0.
  void Send(std::size_t index, std::string bytes) {
    Spawn(SendOn(*peers_.at(index), std::move(bytes)));
  }
  void Close(std::size_t index) {
    const auto close = [&] { peers_.at(index)->stream->Cancel(); };
    if (peers_.at(index)->stream != nullptr) loop_.Enter(close);
  }
  void Reset(std::size_t index) {
    peers_.at(index)->stream->ResetOnClose();
    Close(index);
  }
  void StopListening() {
    const auto stop = [&] { listener_->Cancel(); };
    loop_.Enter(stop);
  }
  // Afterwards nothing of it is left in the world.
  void CloseAll() {
    StopListening();
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      Close(i);
    }
    listener_.reset();
  }

  [[nodiscard]] std::size_t accepted() const { return peers_.size(); }
  [[nodiscard]] const Peer& peer(std::size_t index) const { return *peers_.at(index); }
  // Accepted, and closed by neither side.
  [[nodiscard]] std::size_t open() const {
    std::size_t count = 0;
    for (const std::unique_ptr<Peer>& peer : peers_) {
      count += peer->stream != nullptr ? 1 : 0;
    }
    return count;
  }

  std::string answer;  // Sent for each request head; empty: nothing.

 private:
  void Spawn(Task<void> task) {
    const auto start = [this, &task] { tasks_.Spawn(std::move(task)); };
    loop_.Enter(start);
  }

  Task<void> AcceptAll() {
    for (;;) {
      Result<std::unique_ptr<Stream>> stream = co_await listener_->Accept();
      if (!stream) break;
      peers_.push_back(std::make_unique<Peer>());
      peers_.back()->stream = std::move(*stream);
      tasks_.Spawn(Serve(*peers_.back()));
    }
  }

  Task<void> Serve(Peer& peer) {
    for (;;) {
      const Result<ByteView> received = co_await peer.stream->Receive(kNever);
      if (!received || received->empty()) {
        peer.ended = !received || received->empty();
        break;
      }
      peer.received += *received;
      for (;;) {
        const std::size_t end = peer.received.find("\r\n\r\n", peer.answered);
        if (answer.empty() || end == std::string::npos) break;
        peer.answered = end + 4;
        const std::array<ByteView, 1> segments{answer};
        co_await peer.stream->Send(segments, kNever);
      }
    }
    peer.stream.reset();
  }

  static Task<void> SendOn(Peer& peer, std::string bytes) {
    const std::array<ByteView, 1> segments{bytes};
    co_await peer.stream->Send(segments, kNever);
  }

  SimulatedLoop<World>& loop_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Peer>> peers_;
  TaskGroup tasks_;
};

// A world with a client's loop. Servers of a test are destroyed before it.
template <typename World>
struct SimulatedClient {
  explicit SimulatedClient(std::uint64_t seed = 1)
      : world(seed),
        loop(world.AddLoop({.name = "client", .host = Address::Ipv4({10, 0, 0, 9}, 0)})) {}

  void Spawn(Task<void> task) {
    const auto start = [this, &task] { tasks.Spawn(std::move(task)); };
    loop.Enter(start);
  }
  template <typename Work>
  void Enter(Work&& work) {
    loop.Enter(std::forward<Work>(work));
  }
  // Long enough for some round trips, short against every timeout of the tests.
  void Settle() { world.RunFor(std::chrono::milliseconds(1)); }

  World world;
  SimulatedLoop<World>& loop;
  TaskGroup tasks;
};

// What became of something fallible.
struct Outcome {
  bool done = false;
  SteadyTime at{};
  Error error;  // With ok false.
  bool ok = false;

  template <typename T>
  void Take(const Result<T>& result, SteadyTime now) {
    done = true;
    at = now;
    ok = result.has_value();
    if (!result) error = result.error();
  }
};

}  // namespace sluice::traffic
