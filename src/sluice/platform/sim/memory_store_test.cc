#include "sluice/platform/sim/memory_store.h"

#include <gtest/gtest.h>

namespace sluice::sim {
namespace {

TEST(MemoryStore, ACrashTakesWhatWasNotSynced) {
  MemoryStore store;
  ASSERT_TRUE(store.Append("log", "safe", Durability::kSynced).has_value());
  ASSERT_TRUE(store.Append("log", "loose", Durability::kWritten).has_value());
  store.Crash(/*kept=*/2);
  EXPECT_EQ(store.Read("log", kMiB), "safelo");
}

TEST(MemoryStore, FaultsBeginAtTheirCallAndLast) {
  MemoryStore store;
  store.FailFrom(2, /*partial=*/1);
  EXPECT_TRUE(store.Append("log", "ab", Durability::kSynced).has_value());
  EXPECT_FALSE(store.Append("log", "cd", Durability::kSynced).has_value());
  EXPECT_FALSE(store.Truncate("log", 2).has_value());
  EXPECT_FALSE(store.Replace("log", "x").has_value());
  EXPECT_FALSE(store.Remove("log").has_value());
  EXPECT_EQ(store.Read("log", kMiB), "abc");
  store.Heal();
  EXPECT_TRUE(store.Truncate("log", 2).has_value());
  EXPECT_EQ(store.SizeOf("log"), 2U);
}

TEST(MemoryStore, BytesRot) {
  MemoryStore store;
  ASSERT_TRUE(store.Replace("file", "ab").has_value());
  store.Rot("file", 1, 1);
  EXPECT_EQ(store.Read("file", kMiB), "ac");
  EXPECT_FALSE(store.Read("file", 1).has_value());
  EXPECT_FALSE(store.Read("none", 1).has_value());
}

}  // namespace
}  // namespace sluice::sim
