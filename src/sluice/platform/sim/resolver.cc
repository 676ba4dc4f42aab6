#include "sluice/platform/sim/resolver.h"

#include <utility>

#include <fmt/format.h>

#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {

void Resolver::Begin(ResolveOperation& operation) {
  NameTable::Reply reply = world_.names().Ask(operation.host, operation.port);
  const SteadyTime answer_at = SaturatingAdd(world_.now(), reply.delay);
  ++world_.resolving_;
  if (answer_at <= operation.deadline && answer_at != kNever) {
    operation.result = std::move(reply.result);
    world_.Schedule(answer_at, loop_, &OnAnswer, &world_, Detail(operation));
    return;
  }
  operation.result = std::unexpected(
      Error{.code = ErrorCode::kTimeout,
            .side = Side::kUpstream,
            .retry = RetryAdvice::kSafe,
            .detail = fmt::format("{}: no answer before the deadline", operation.host)});
  // Without a deadline a question that is never answered waits for ever.
  if (operation.deadline == kNever) return;
  world_.Schedule(operation.deadline, loop_, &OnAnswer, &world_, Detail(operation));
}

// The operation lives in a suspended frame, which nobody can destroy before it is resumed.
std::uint64_t Resolver::Detail(ResolveOperation& operation) {
  static_assert(sizeof(std::uintptr_t) <= sizeof(std::uint64_t));
  return reinterpret_cast<std::uintptr_t>(&operation);
}

void Resolver::OnAnswer(void* world, std::uint64_t detail) {
  auto& operation = *reinterpret_cast<ResolveOperation*>(static_cast<std::uintptr_t>(detail));
  World& its_world = *static_cast<World*>(world);
  --its_world.resolving_;
  const bool resolved = operation.result.has_value();
  its_world.trace().Add({.at = its_world.now(),
                         .step = Step::kResolved,
                         .detail = resolved ? operation.result->addresses.size() : 0,
                         .text = operation.host});
  RunQueue::Current().Push(operation.waiter);
}

}  // namespace sluice::sim
