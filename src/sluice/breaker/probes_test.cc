#include "sluice/breaker/probes.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1s};

TEST(Probes, NoMoreThanPermittedMayGo) {
  Probes probes(2);
  EXPECT_TRUE(probes.Take(kStart).has_value());
  EXPECT_TRUE(probes.has_free());
  EXPECT_TRUE(probes.Take(kStart).has_value());
  EXPECT_FALSE(probes.has_free());
  EXPECT_FALSE(probes.Take(kStart).has_value());
  EXPECT_EQ(probes.in_flight(), 2);
}

TEST(Probes, ACountedProbesPlaceIsSpent) {
  Probes probes(1);
  const std::uint64_t ticket = *probes.Take(kStart);
  EXPECT_TRUE(probes.Count(ticket, {.failed = true}));
  EXPECT_EQ(probes.counts().failed, 1U);
  EXPECT_FALSE(probes.Take(kStart).has_value());
}

TEST(Probes, ATicketCountsOnce) {
  Probes probes(2);
  const std::uint64_t ticket = *probes.Take(kStart);
  EXPECT_TRUE(probes.Count(ticket, {}));
  EXPECT_FALSE(probes.Count(ticket, {}));
  EXPECT_FALSE(probes.GiveBack(ticket));
  EXPECT_EQ(probes.counts().calls, 1U);
}

TEST(Probes, APlaceGivenBackIsForAnother) {
  Probes probes(1);
  const std::uint64_t first = *probes.Take(kStart);
  EXPECT_TRUE(probes.GiveBack(first));
  const std::optional<std::uint64_t> second = probes.Take(kStart);
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(probes.Count(first, {}));
  EXPECT_TRUE(probes.Count(*second, {}));
}

TEST(Probes, AProbeThatMissesItsDeadlineHasFailed) {
  Probes probes(3);
  const std::uint64_t late = *probes.Take(kStart + 1s);
  (void)probes.Take(kStart + 2s);
  EXPECT_EQ(probes.next_deadline(), kStart + 1s);
  probes.Expire(kStart + 999ms);
  EXPECT_EQ(probes.counts().failed, 0U);
  probes.Expire(kStart + 1s);
  EXPECT_EQ(probes.counts().failed, 1U);
  EXPECT_EQ(probes.in_flight(), 1);
  EXPECT_EQ(probes.next_deadline(), kStart + 2s);
  EXPECT_FALSE(probes.Count(late, {}));
}

TEST(Probes, RestartingForgetsAllTickets) {
  Probes probes(1);
  const std::uint64_t ticket = *probes.Take(kStart);
  probes.Restart();
  EXPECT_EQ(probes.next_deadline(), kNever);
  EXPECT_FALSE(probes.Count(ticket, {}));
  EXPECT_TRUE(probes.has_free());
}

}  // namespace
}  // namespace sluice::breaker
