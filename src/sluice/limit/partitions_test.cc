#include "sluice/limit/partitions.h"

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

TEST(Partitions, HaveTheirPartRoundedUpAndAtLeastOne) {
  const Partitions partitions({{.name = "live", .ratio = 0.9}, {.name = "batch", .ratio = 0.1}});
  const std::uint32_t live = partitions.Find("live");
  const std::uint32_t batch = partitions.Find("batch");
  EXPECT_EQ(partitions.PartOf(live, 10), 9);
  EXPECT_EQ(partitions.PartOf(batch, 10), 1);
  EXPECT_EQ(partitions.PartOf(live, 11), 10);
  EXPECT_EQ(partitions.PartOf(batch, 1), 1);
  EXPECT_EQ(partitions.Find("other"), Partitions::kNone);
  EXPECT_EQ(partitions.PartOf(Partitions::kNone, 100), 0);
}

TEST(Partitions, TellWhetherOneMoreIsWithinThePart) {
  Partitions partitions({{.name = "batch", .ratio = 0.2}});
  EXPECT_TRUE(partitions.HasRoom(1, 10));
  EXPECT_TRUE(partitions.Enter(1, 10));
  EXPECT_TRUE(partitions.Enter(1, 10));
  EXPECT_FALSE(partitions.HasRoom(1, 10));
  EXPECT_FALSE(partitions.Enter(1, 10));
  partitions.Leave(1);
  EXPECT_EQ(partitions.busy(1), 2);
  EXPECT_FALSE(partitions.Enter(Partitions::kNone, 10));
}

TEST(Partitions, SayWhatIsWrong) {
  ConfigProblems problems;
  Validate({{.name = "a", .ratio = 0}, {.name = "b", .ratio = 1.5}}, "p", problems);
  EXPECT_EQ(problems.size(), 2U);
  problems.clear();
  Validate({{.name = "a", .ratio = 0.6}, {.name = "a", .ratio = 0.5}}, "p", problems);
  EXPECT_EQ(problems.size(), 2U);  // Twice the same, and too much together.
  problems.clear();
  Validate(std::vector<PartitionOptions>(17, {.name = "a", .ratio = 0.01}), "p", problems);
  EXPECT_FALSE(problems.empty());
  problems.clear();
  Validate({{.name = "a", .ratio = 0.9}, {.name = "b", .ratio = 0.1}}, "p", problems);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace sluice::limit
