// Runs a plan of empty nodes N times; for counting instructions.
//
//   valgrind --tool=callgrind node_cost swept-chain 100
//
// The difference between two counts, divided by that of the nodes run, is the cost of a node.

#include <cstdlib>
#include <string_view>

#include "bench/dag/drafts.h"

#include "sluice/platform/linux/loop.h"

namespace {

namespace dag = sluice::dag;

dag::Work<void> Nothing(dag::Context& /*context*/) {
  co_return;
}

dag_bench::PlanPointer PlanFor(std::string_view kind) {
  const auto empty = [] {};
  const dag::PlanOptions counted{.fusion = dag::Fusion::kNone};
  if (kind == "swept-chain") return dag_bench::PlanOf(dag_bench::Chain(1000), empty);
  if (kind == "swept-layers") return dag_bench::PlanOf(dag_bench::Layered(1000), empty);
  if (kind == "chain") return dag_bench::PlanOf(dag_bench::Chain(1000), empty, {}, counted);
  if (kind == "fan") return dag_bench::PlanOf(dag_bench::Fan(1000), empty, {}, counted);
  if (kind == "layers") return dag_bench::PlanOf(dag_bench::Layered(1000), empty, {}, counted);
  if (kind == "coroutines") return dag_bench::PlanOf(dag_bench::Chain(1000), &Nothing);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const dag_bench::PlanPointer plan = argc == 3 ? PlanFor(argv[1]) : nullptr;
  if (plan == nullptr) return 2;
  const auto loop = *sluice::platform::EpollLoop::Create();
  loop->Enter([&] {
    dag::RunnerState runner(*loop, plan, {});
    for (int i = std::atoi(argv[2]); i > 0; --i)
      dag_bench::RunOnce(runner, {});
  });
  return 0;
}
