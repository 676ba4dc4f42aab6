#include "sluice/gateway/stream_reset.h"

#include <string>

#include <gtest/gtest.h>

#include "sluice/gateway/exchange.h"

namespace sluice::gateway {
namespace {

TEST(StreamsToReset, AreOneInTenAtFullActivationAndAtLeastOne) {
  EXPECT_EQ(StreamsToReset(100, 0), 0U);
  EXPECT_EQ(StreamsToReset(0, 1), 0U);
  EXPECT_EQ(StreamsToReset(1, 0.01), 1U);
  EXPECT_EQ(StreamsToReset(100, 0.5), 5U);
  EXPECT_EQ(StreamsToReset(100, 1), 10U);
}

// Buffers are kept from exchange to exchange: what lies in them unused is not held by this one.
TEST(BytesHeldBy, CountsBytesAndNotTheRoomForThem) {
  std::string buffer(12'000, 'x');
  EXPECT_EQ(BytesHeldBy(buffer), 12'000U);
  buffer.clear();
  ASSERT_GE(buffer.capacity(), 12'000U);
  EXPECT_EQ(BytesHeldBy(buffer), 0U);
  buffer.reserve(100'000);  // Beyond what is kept: freed when the exchange ends.
  EXPECT_GE(BytesHeldBy(buffer), 100'000U);
}

}  // namespace
}  // namespace sluice::gateway
