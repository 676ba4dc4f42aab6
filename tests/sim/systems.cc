#include "tests/sim/systems.h"

#include "tests/sim/gateway_system.h"
#include "tests/sim/pass_through.h"

namespace sluice::scenario {

MakeSystem FindSystem(std::string_view name) {
  if (name == "gateway") return &MakeGateway;
  if (name == "pass_through") return &MakePassThrough;
  return nullptr;
}

std::string SystemNames() {
  return "gateway, pass_through";
}

}  // namespace sluice::scenario
