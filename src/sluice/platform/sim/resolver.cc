#include "sluice/platform/sim/resolver.h"

#include <utility>

#include <fmt/format.h>

#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {

void Resolver::Begin(ResolveOperation& operation) {
  NameTable::Reply reply = world_.names().Ask(operation.host, operation.port);
  const SteadyTime answer_at = SaturatingAdd(world_.now(), reply.delay);
  const std::uint64_t number = next_number_++;
  // The operation lives in a suspended frame, which nobody can destroy before it is resumed.
  pending_.emplace(number, &operation);
  ++world_.resolving_;
  if (answer_at <= operation.deadline && answer_at != kNever) {
    operation.result = std::move(reply.result);
    world_.Schedule(answer_at, loop_, &OnAnswer, this, number);
    return;
  }
  operation.result = std::unexpected(
      Error{.code = ErrorCode::kTimeout,
            .side = Side::kUpstream,
            .retry = RetryAdvice::kSafe,
            .detail = fmt::format("{}: no answer before the deadline", operation.host)});
  // Without a deadline a question that is never answered waits for ever.
  if (operation.deadline == kNever) return;
  world_.Schedule(operation.deadline, loop_, &OnAnswer, this, number);
}

void Resolver::CancelAll() {
  for (const auto& [number, operation] : std::exchange(pending_, {})) {
    operation->result =
        std::unexpected(Error{.code = ErrorCode::kCancelled,
                              .side = Side::kUpstream,
                              .retry = RetryAdvice::kSafe,
                              .detail = fmt::format("{}: cancelled", operation->host)});
    Finish(*operation);
  }
}

void Resolver::OnAnswer(void* resolver, std::uint64_t number) {
  Resolver& self = *static_cast<Resolver*>(resolver);
  const auto found = self.pending_.find(number);
  if (found == self.pending_.end()) return;  // Cancelled.
  ResolveOperation& operation = *found->second;
  self.pending_.erase(found);
  self.Finish(operation);
}

void Resolver::Finish(ResolveOperation& operation) {
  --world_.resolving_;
  const bool resolved = operation.result.has_value();
  world_.trace().Add({.at = world_.now(),
                      .step = Step::kResolved,
                      .detail = resolved ? operation.result->addresses.size() : 0,
                      .text = operation.host});
  RunQueue::Current().Push(operation.waiter);
}

}  // namespace sluice::sim
