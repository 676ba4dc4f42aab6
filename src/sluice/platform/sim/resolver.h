// sim::Resolver: a loop's way to ask the world's NameTable.
//
// Answers come through the loop's run queue after the table's delay; never before the next turn.

#pragma once

#include <cstdint>

#include "sluice/contract/resolver.h"

namespace sluice::sim {

class Loop;
class World;

class Resolver final : public sluice::Resolver {
 public:
  Resolver(World& world, Loop& loop) : world_(world), loop_(loop) {}

 protected:
  void Begin(ResolveOperation& operation) override;

 private:
  [[nodiscard]] static std::uint64_t Detail(ResolveOperation& operation);
  static void OnAnswer(void* world, std::uint64_t detail);

  World& world_;
  Loop& loop_;
};

}  // namespace sluice::sim
