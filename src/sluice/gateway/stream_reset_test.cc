#include "sluice/gateway/stream_reset.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(StreamsToReset, AreOneInTenAtFullActivationAndAtLeastOne) {
  EXPECT_EQ(StreamsToReset(100, 0), 0U);
  EXPECT_EQ(StreamsToReset(0, 1), 0U);
  EXPECT_EQ(StreamsToReset(1, 0.01), 1U);
  EXPECT_EQ(StreamsToReset(100, 0.5), 5U);
  EXPECT_EQ(StreamsToReset(100, 1), 10U);
}

}  // namespace
}  // namespace sluice::gateway
