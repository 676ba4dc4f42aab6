#include "sluice/gateway/stats.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

std::uint64_t ConnectsOf(const StatsBook& book, std::string_view upstream) {
  return book.ForEachPool(upstream, [](const traffic::PoolMetrics&) {}).connects;
}

TEST(StatsBook, CountersOfAPoolOutliveItWithItsUpstream) {
  StatsBook book(1);
  book.Keep({}, {"pay"});
  traffic::PoolMetrics first;
  first.connects.Add(3);
  book.AddPool("pay", first);
  traffic::PoolMetrics second;  // The upstream has other options now.
  second.connects.Add(1);
  book.AddPool("pay", second);
  EXPECT_EQ(ConnectsOf(book, "pay"), 4U);
  book.RemovePool(first);
  EXPECT_EQ(ConnectsOf(book, "pay"), 4U);
  EXPECT_EQ(ConnectsOf(book, "shop"), 0U);
}

TEST(StatsBook, AnUpstreamThatWentTakesItsCountersAlong) {
  StatsBook book(1);
  book.Keep({}, {"pay"});
  traffic::PoolMetrics pool;
  pool.connects.Add(3);
  book.AddPool("pay", pool);
  book.Keep({}, {});
  book.RemovePool(pool);  // Its last exchange has ended.
  book.Keep({}, {"pay"});
  EXPECT_EQ(ConnectsOf(book, "pay"), 0U);
}

TEST(StatsBook, ARouteThatWentIsNotShownAndMayStillBeCounted) {
  StatsBook book(1);
  const std::shared_ptr<const RouteBlocks> blocks = book.Route("old");
  blocks->front()->requests[0][2].Add(5);
  blocks->front()->reasons[0].Add(4);
  const std::shared_ptr<const RouteBlocks> kept = book.Route("kept");
  book.Keep({"kept"}, {});
  blocks->front()->retries.Add();
  EXPECT_EQ(book.gone_routes().requests, 5U);
  EXPECT_EQ(book.gone_routes().reasons[0], 4U);
  std::vector<std::string> shown;
  const auto note = [&shown](const std::string& name, const RouteBlocks&) {
    shown.push_back(name);
  };
  book.ForEachRoute(note);
  EXPECT_EQ(shown, std::vector<std::string>{"kept"});
  EXPECT_EQ(book.Route("kept"), kept);
  EXPECT_EQ(book.Route("old")->front()->retries.value(), 0U);  // It begins anew.
}

}  // namespace
}  // namespace sluice::gateway
