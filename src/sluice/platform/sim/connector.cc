#include "sluice/platform/sim/connector.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/listener.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/network.h"
#include "sluice/platform/sim/stream.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {
namespace {

constexpr int kLostMax = 6;  // Attempts are at most 64 s apart.

std::unexpected<Error> NotConnected(ErrorCode code, const Site& site, std::string_view why) {
  return std::unexpected(Error{
      .code = code,
      .side = code == ErrorCode::kOutOfDescriptors ? Side::kSelf : Side::kUpstream,
      .retry = RetryAdvice::kSafe,
      .detail = fmt::format("connecting to {}: {}", site.address.ToString(), why),
  });
}

}  // namespace

bool Connector::Begin(Loop& loop, ConnectOperation& operation) {
  Site& site = network_.SiteOf(operation.address, loop);
  network_.Note(Step::kConnect, loop, 0, site.address.port());
  if (!loop.HasDescriptor()) {
    operation.result = NotConnected(ErrorCode::kOutOfDescriptors, site, "no descriptor is free");
    return true;
  }
  const std::uint64_t number = next_number_++;
  auto made = std::make_unique<Attempt>(*this, number, loop, site);
  Attempt& attempt = *made;
  attempts_.emplace(number, std::move(made));
  attempt.operation = &operation;
  ++loop.connecting_;

  if (site.address.family() == Address::Family::kUnix) {
    const Answer answer = Knock(attempt);
    if (answer == Answer::kTaken) {
      ConcludeTaken(attempt);
      return true;
    }
    if (answer == Answer::kRefused) {
      Conclude(attempt, NotConnected(ErrorCode::kConnectFailed, site, "refused"));
      return true;
    }
    Retry(attempt);
  } else {
    network_.world().Schedule(network_.now() + site.link.latency, loop, &OnFirstPacket, this,
                              number);
  }
  if (operation.deadline != kNever) loop.Arm(attempt.deadline, operation.deadline);
  return false;
}

Connector::Answer Connector::Knock(Attempt& attempt) {
  if (network_.Unreachable(attempt.site, attempt.loop)) return Answer::kLost;
  if (attempt.site.refuses) return Answer::kRefused;
  Listener* listener = network_.NextListener(attempt.site);
  if (listener == nullptr) return Answer::kRefused;
  if (!listener->has_room()) return Answer::kLost;
  Connection& connection = network_.Make(
      attempt.site,
      {.loop = &attempt.loop, .address = network_.AllotClientAddress(attempt.loop, attempt.site)},
      {.loop = &listener->loop(), .address = attempt.site.address});
  listener->Enqueue(connection);
  attempt.connection = connection.number();
  const Nanos latency = attempt.site.link.latency;
  network_.ScheduleAcceptable(network_.now() + 2 * latency, connection, *listener);
  return Answer::kTaken;
}

void Connector::Retry(Attempt& attempt) {
  const Nanos wait = std::chrono::seconds(1) * (1 << std::min(attempt.lost, kLostMax));
  ++attempt.lost;
  network_.world().Schedule(network_.now() + wait, attempt.loop, &OnFirstPacket, this,
                            attempt.number);
}

Connector::Attempt* Connector::Find(std::uint64_t number) {
  const auto found = attempts_.find(number);
  return found == attempts_.end() ? nullptr : found->second.get();
}

ConnectOperation& Connector::Conclude(Attempt& attempt,
                                      Result<std::unique_ptr<sluice::Stream>> result) {
  ConnectOperation& operation = *attempt.operation;
  network_.Note(result ? Step::kConnected : Step::kRefused, attempt.loop, attempt.connection,
                result ? 0 : static_cast<std::uint64_t>(result.error().code));
  operation.result = std::move(result);
  Loop& loop = attempt.loop;
  loop.Disarm(attempt.deadline);
  --loop.connecting_;
  attempts_.erase(attempt.number);
  if (!operation.result) network_.OnDescriptorFree(loop);
  return operation;
}

ConnectOperation& Connector::ConcludeTaken(Attempt& attempt) {
  Connection* connection = network_.Find(attempt.connection);
  SLUICE_ASSERT(connection != nullptr);  // Our end keeps it.
  return Conclude(attempt, std::make_unique<Stream>(*connection, Role::kClient));
}

void Connector::OnFirstPacket(void* connector, std::uint64_t number) {
  auto& self = *static_cast<Connector*>(connector);
  Attempt* attempt = self.Find(number);
  if (attempt == nullptr) return;
  const SteadyTime answer_at = self.network_.now() + attempt->site.link.latency;
  switch (self.Knock(*attempt)) {
    case Answer::kTaken:
      self.network_.world().Schedule(answer_at, attempt->loop, &OnTaken, connector, number);
      return;
    case Answer::kRefused:
      self.network_.world().Schedule(answer_at, attempt->loop, &OnRefused, connector, number);
      return;
    case Answer::kLost:
      self.Retry(*attempt);
      return;
  }
}

void Connector::OnTaken(void* connector, std::uint64_t number) {
  auto& self = *static_cast<Connector*>(connector);
  Attempt* attempt = self.Find(number);
  if (attempt != nullptr) RunQueue::Current().Push(self.ConcludeTaken(*attempt).waiter);
}

void Connector::OnRefused(void* connector, std::uint64_t number) {
  auto& self = *static_cast<Connector*>(connector);
  Attempt* attempt = self.Find(number);
  if (attempt == nullptr) return;
  auto refused = NotConnected(ErrorCode::kConnectFailed, attempt->site, "refused");
  RunQueue::Current().Push(self.Conclude(*attempt, std::move(refused)).waiter);
}

void Connector::OnDeadline(Timer& timer, SteadyTime /*now*/) {
  auto& attempt = *static_cast<Attempt*>(timer.owner);
  Connector& self = attempt.connector;
  // The server may have taken it already: then it will find it reset.
  Connection* connection = self.network_.Find(attempt.connection);
  if (connection != nullptr) connection->Close(Role::kClient, /*reset=*/true);
  auto late = NotConnected(ErrorCode::kTimeout, attempt.site, "no answer before the deadline");
  RunQueue::Current().Push(self.Conclude(attempt, std::move(late)).waiter);
}

}  // namespace sluice::sim
