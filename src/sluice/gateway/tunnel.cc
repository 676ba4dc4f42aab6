#include "sluice/gateway/tunnel.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "sluice/contract/assert.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

constexpr Nanos kIdleMax = std::chrono::minutes(10);
constexpr Nanos kSendMax = std::chrono::seconds(60);

struct Direction {
  Loop& loop;
  Stream& from;
  Stream& to;
  SteadyTime& last_moved;  // Of both directions: one may be silent while the other works.
  std::uint64_t bytes = 0;
};

// Carries bytes until `from` ends (then `to` is told) or one of them fails (then both are over).
Task<void> Carry(Direction& direction) {
  for (;;) {
    const SteadyTime deadline = direction.last_moved + kIdleMax;
    const Result<ByteView> got = co_await direction.from.Receive(deadline);
    if (!got && got.error().code == ErrorCode::kTimeout &&
        direction.loop.now() < direction.last_moved + kIdleMax) {
      continue;  // The other direction has moved meanwhile.
    }
    if (!got) break;
    if (got->empty()) {
      direction.to.ShutdownSend();
      co_return;
    }
    direction.last_moved = direction.loop.now();
    direction.bytes += got->size();
    const std::array<ByteView, 1> segments = {*got};
    const Result<void> sent = co_await direction.to.Send(segments, direction.loop.now() + kSendMax);
    if (!sent) break;
  }
  direction.from.Cancel();
  direction.to.Cancel();
}

}  // namespace

Task<Delivery> Tunnel(Exchange& exchange, traffic::Connection& connection) {
  Loop& loop = exchange.worker.loop;
  exchange.client->WatchHangup(nullptr);  // Both ends are received from now on.
  const std::array<ByteView, 2> first = {exchange.output, connection.leftover()};
  exchange.head_sent = true;
  const Result<void> sent = co_await exchange.client->Send(first, loop.now() + kSendMax);
  connection.ReleaseLeftover();
  if (!sent) co_return Delivery::kClientFailed;

  SteadyTime last_moved = loop.now();
  Direction down{
      .loop = loop, .from = connection.stream(), .to = *exchange.client, .last_moved = last_moved};
  Direction up{
      .loop = loop, .from = *exchange.client, .to = connection.stream(), .last_moved = last_moved};
  // What the client sent right behind its request belongs to the new protocol.
  SLUICE_ASSERT(!exchange.body.is_pumping);
  const ByteView behind = ByteView(exchange.received).substr(exchange.body.prefix_bytes);
  if (!behind.empty()) {
    const std::array<ByteView, 1> early = {behind};
    const Result<void> passed = co_await connection.stream().Send(early, loop.now() + kSendMax);
    exchange.received.clear();
    if (!passed) co_return Delivery::kUpstreamFailed;
  }
  TaskGroup directions;
  directions.Spawn(Carry(down));
  directions.Spawn(Carry(up));
  co_await directions.Drained();
  exchange.bytes_out += down.bytes;
  exchange.body.bytes += up.bytes;
  co_return Delivery::kDelivered;  // However a tunnel ends, the upgrade was answered.
}

}  // namespace sluice::gateway
