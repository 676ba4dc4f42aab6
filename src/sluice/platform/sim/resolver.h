// sim::Resolver: a loop's way to ask the world's NameTable.
//
// Answers come through the loop's run queue after the table's delay; never before the next turn.

#pragma once

#include <cstdint>
#include <map>

#include "sluice/contract/resolver.h"

namespace sluice::sim {

class Loop;
class World;

class Resolver final : public sluice::Resolver {
 public:
  Resolver(World& world, Loop& loop) : world_(world), loop_(loop) {}

  void CancelAll() override;

 protected:
  void Begin(ResolveOperation& operation) override;

 private:
  static void OnAnswer(void* resolver, std::uint64_t number);
  void Finish(ResolveOperation& operation);

  World& world_;
  Loop& loop_;
  std::uint64_t next_number_ = 0;
  std::map<std::uint64_t, ResolveOperation*> pending_;
};

}  // namespace sluice::sim
