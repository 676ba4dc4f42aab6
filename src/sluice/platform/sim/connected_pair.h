// ConnectedPair: two loops, a connection between them, and operations begun from a test's body.
//
// For the tests of this room. Every operation is a coroutine that writes what became of it, and
// when, into a report of the test.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {

struct Report {
  bool done = false;
  SteadyTime at{};
  std::string bytes;               // Of a receive.
  std::optional<ErrorCode> error;  // Empty: it succeeded.
};

inline Task<void> ReceiveOnce(
    Loop& loop, sluice::Stream& stream, SteadyTime deadline, Bytes bytes_max, Report& report) {
  const Result<ByteView> received = co_await stream.Receive(deadline, bytes_max);
  if (received) {
    report.bytes = std::string(*received);
  } else {
    report.error = received.error().code;
  }
  report.at = loop.now();
  report.done = true;
}

// Receives until the end of the stream, or an error.
inline Task<void> ReceiveAll(Loop& loop, sluice::Stream& stream, Report& report) {
  while (true) {
    const Result<ByteView> received = co_await stream.Receive(kNever);
    if (!received) report.error = received.error().code;
    if (!received || received->empty()) break;
    report.bytes += *received;
  }
  report.at = loop.now();
  report.done = true;
}

inline Task<void> SendOnce(Loop& loop,
                           sluice::Stream& stream,
                           std::vector<std::string> segments,
                           SteadyTime deadline,
                           Report& report) {
  std::vector<ByteView> views(segments.begin(), segments.end());
  const Result<void> sent = co_await stream.Send(views, deadline);
  if (!sent) report.error = sent.error().code;
  report.at = loop.now();
  report.done = true;
}

inline Task<void> ConnectOnce(Loop& loop,
                              Address address,
                              SteadyTime deadline,
                              std::unique_ptr<sluice::Stream>& stream,
                              Report& report) {
  Result<std::unique_ptr<sluice::Stream>> connected = co_await loop.Connect(address, deadline);
  if (connected) {
    stream = std::move(*connected);
  } else {
    report.error = connected.error().code;
  }
  report.at = loop.now();
  report.done = true;
}

inline Task<void> AcceptOnce(Loop& loop,
                             sluice::Listener& listener,
                             std::unique_ptr<sluice::Stream>& stream,
                             Report& report) {
  Result<std::unique_ptr<sluice::Stream>> accepted = co_await listener.Accept();
  if (accepted) {
    stream = std::move(*accepted);
  } else {
    report.error = accepted.error().code;
  }
  report.at = loop.now();
  report.done = true;
}

class ConnectedPair {
 public:
  explicit ConnectedPair(const WorldOptions& options = {},
                         const Address& address = Address::Ipv4({10, 0, 0, 1}, 80))
      : world(options),
        client_loop(world.AddLoop({.name = "client", .host = Address::Ipv4({10, 0, 0, 2}, 0)})),
        server_loop(world.AddLoop({.name = "server", .host = Address::Ipv4({10, 0, 0, 1}, 0)})),
        server_address(address) {
    listener = std::move(server_loop.Listen(server_address, {}).value());
    Report connected;
    Report accepted;
    Spawn(server_loop, AcceptOnce(server_loop, *listener, server, accepted));
    Spawn(client_loop, ConnectOnce(client_loop, server_address, kNever, client, connected));
    SLUICE_ASSERT(world.RunUntilIdle());
    SLUICE_ASSERT(client != nullptr && server != nullptr);
  }

  void Spawn(Loop& loop, Task<void> task) {
    const auto start = [this, &task] { tasks.Spawn(std::move(task)); };
    loop.Enter(start);
  }

  void ClientSends(std::string bytes, Report& report, SteadyTime deadline = kNever) {
    Spawn(client_loop, SendOnce(client_loop, *client, {std::move(bytes)}, deadline, report));
  }
  void ServerSends(std::string bytes, Report& report, SteadyTime deadline = kNever) {
    Spawn(server_loop, SendOnce(server_loop, *server, {std::move(bytes)}, deadline, report));
  }
  void ClientReceives(Report& report,
                      SteadyTime deadline = kNever,
                      Bytes bytes_max = sluice::Stream::kHotBufferBytes) {
    Spawn(client_loop, ReceiveOnce(client_loop, *client, deadline, bytes_max, report));
  }
  void ServerReceives(Report& report,
                      SteadyTime deadline = kNever,
                      Bytes bytes_max = sluice::Stream::kHotBufferBytes) {
    Spawn(server_loop, ReceiveOnce(server_loop, *server, deadline, bytes_max, report));
  }

  // Destroys a stream as a turn of its loop.
  void Close(Loop& loop, std::unique_ptr<sluice::Stream>& stream) {
    const auto close = [&stream] { stream.reset(); };
    loop.Enter(close);
  }
  void CloseClient() { Close(client_loop, client); }
  void CloseServer() { Close(server_loop, server); }
  void CancelClient() {
    const auto cancel = [this] { client->Cancel(); };
    client_loop.Enter(cancel);
  }
  void RunUntilIdle() { SLUICE_ASSERT(world.RunUntilIdle()); }

  World world;
  Loop& client_loop;
  Loop& server_loop;
  Address server_address;
  TaskGroup tasks;
  std::unique_ptr<sluice::Listener> listener;
  std::unique_ptr<sluice::Stream> client;
  std::unique_ptr<sluice::Stream> server;
};

}  // namespace sluice::sim
