// The scenarios of dependent calls, D01 to D11: order, failure, degradation, time.

#include "sluice/dag/dag_fixture.h"

namespace sluice::dag {
namespace {

TEST(DagScenario, D01_AChainStartsEachNodeAtTheEndOfTheOneBefore) {
  DagWorld w;
  Builder<Order> b("chain");
  const auto a = b.Node("A", w.Body({.takes = 10ms}), b.input());
  const auto c = b.Node("B", w.Body({.takes = 20ms}), a);
  const auto d = b.Node("C", w.Body({.takes = 5ms, .value = 7}), c);
  OneRun run(w, std::move(b).Build(d));
  run.ToTheEnd();

  EXPECT_EQ(run.at_ms(), 35);
  ASSERT_TRUE(run.outcome());
  EXPECT_EQ(*run.outcome(), 7);
  EXPECT_THAT(w.diary, ElementsAre("A@0", "B@10", "C@30"));
}

}  // namespace
}  // namespace sluice::dag
