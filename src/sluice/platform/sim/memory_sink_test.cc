#include "sluice/platform/sim/memory_sink.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::sim {
namespace {

TEST(MemorySink, KeepsWhatItWasGivenAndEmptiesTheBuffer) {
  MemorySink sink;
  std::string first = "one\n";
  std::string second = "two\n";

  EXPECT_TRUE(sink.Append(first));
  EXPECT_TRUE(sink.Append(second));

  EXPECT_EQ(sink.text(), "one\ntwo\n");
  EXPECT_TRUE(first.empty());
}

TEST(MemorySink, LeavesTheBufferAloneWhenItIsFull) {
  MemorySink sink(/*bytes_max=*/5);
  std::string fits = "12345";
  std::string late = "6";
  ASSERT_TRUE(sink.Append(fits));

  EXPECT_FALSE(sink.Append(late));
  EXPECT_EQ(late, "6");
  EXPECT_EQ(sink.refused_total(), 1U);

  EXPECT_EQ(sink.Take(), "12345");
  EXPECT_TRUE(sink.Append(late));
}

}  // namespace
}  // namespace sluice::sim
