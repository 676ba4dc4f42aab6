#include "sluice/platform/linux/process.h"

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/loop_fixture.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::platform {
namespace {

TEST(Process, RaisesTheFileLimitToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(64, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(RaiseFileLimit(), before.rlim_max);
  EXPECT_EQ(RaiseFileLimit(), before.rlim_max);  // Nothing left to raise.
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Process, CountsTheCpusOfItsAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(UsableCpus(), 1U);
  EXPECT_LE(UsableCpus(), static_cast<unsigned>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(UsableCpus(), 1U);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

class CpuQuotaTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / name).parent_path());
    ASSERT_TRUE(WriteFileAtomically(folder_ / name, text).has_value());
  }
  [[nodiscard]] double Quota(std::string self_cgroup = "0::/\n") const {
    return CpuQuotaOf({.root = folder_ / "cgroup", .self_cgroup = std::move(self_cgroup)});
  }
  ScratchFolder folder_;
};

TEST_F(CpuQuotaTest, IsInfiniteWithoutControlGroups) {
  EXPECT_TRUE(std::isinf(Quota()));
  EXPECT_TRUE(std::isinf(Quota("")));
}

TEST_F(CpuQuotaTest, IsInfiniteWhereTheGroupSaysMax) {
  Write("cgroup/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(Quota()));
}

TEST_F(CpuQuotaTest, ReadsVersionTwo) {
  Write("cgroup/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(Quota(), 1.5);
}

TEST_F(CpuQuotaTest, TakesTheTightestOfAllAncestors) {
  Write("cgroup/slice/cpu.max", "50000 100000\n");
  Write("cgroup/slice/service/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(Quota("12:cpu:/elsewhere\n0::/slice/service\n"), 0.5);
}

TEST_F(CpuQuotaTest, ReadsVersionOne) {
  Write("cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  Write("cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(Quota(), 2.0);
  Write("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_TRUE(std::isinf(Quota()));
}

TEST_F(CpuQuotaTest, IgnoresWhatIsNoNumber) {
  Write("cgroup/cpu.max", "garbage in\n");
  EXPECT_TRUE(std::isinf(Quota()));
}

TEST(Process, CountsItsDescriptorsAndMemory) {
  const Result<ProcessUsage> before = ReadProcessUsage();
  ASSERT_TRUE(before.has_value()) << before.error().detail;
  EXPECT_GT(before->resident, kMiB);
  EXPECT_GT(before->cpu_seconds, 0.0);
  const OwnedFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(ReadProcessUsage()->open_files, before->open_files + 1);
}

TEST(Process, SeedsDiffer) {
  EXPECT_NE(RandomSeed(), RandomSeed());
}

}  // namespace
}  // namespace sluice::platform
