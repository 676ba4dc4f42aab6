#include "sluice/limit/decision_counts.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

TEST(DecisionCounts, LoseNothingWithMoreThreadsThanCells) {
  constexpr int kThreads = 24;
  constexpr std::uint64_t kAdds = 500;
  DecisionCounts counts;
  std::vector<std::thread> threads;
  for (int index = 0; index < kThreads; ++index) {
    threads.emplace_back([&] {
      for (std::uint64_t add = 0; add < kAdds; ++add) {
        counts.Add(DecisionKind::kAllowed);
        counts.Add(DecisionKind::kWouldDeny);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counts.Totals().allowed, kThreads * kAdds);
  EXPECT_EQ(counts.Totals().would_deny, kThreads * kAdds);
  EXPECT_EQ(counts.Totals().denied, 0U);
}

TEST(EnforcedPart, EnforcesExactlyThatPart) {
  EnforcedPart part(12.5);
  int enforced = 0;
  for (int refusal = 0; refusal < 10'000; ++refusal) {
    if (part.TakeNext()) ++enforced;
  }
  EXPECT_EQ(enforced, 1'250);
}

TEST(EnforcedPart, SpreadsThemEvenly) {
  EnforcedPart part(25);
  for (int round = 0; round < 10; ++round) {
    int enforced = 0;
    for (int refusal = 0; refusal < 4; ++refusal) {
      if (part.TakeNext()) ++enforced;
    }
    EXPECT_EQ(enforced, 1) << round;
  }
}

TEST(EnforcedPart, NoneAndAll) {
  EnforcedPart part(0);
  EXPECT_FALSE(part.TakeNext());
  part.Set(100);
  EXPECT_TRUE(part.TakeNext());
}

}  // namespace
}  // namespace sluice::limit
