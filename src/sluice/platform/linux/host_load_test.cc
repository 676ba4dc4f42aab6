#include "sluice/platform/linux/host_load.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::platform {
namespace {

using std::chrono::seconds;

class HostLoadTest : public testing::Test {
 protected:
  HostLoadTest() {
    Write("proc/self/cgroup", "0::/app\n");
    std::filesystem::create_directories(root_ / "cgroup/app");
  }
  ~HostLoadTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  HostLoadReader Reader() const {
    return HostLoadReader({.proc = root_ / "proc", .cgroup = root_ / "cgroup"});
  }
  static SteadyTime At(int s) { return SteadyTime(seconds(s)); }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() /
      ("sluice_host_load_" + std::to_string(::getpid()) + "_" +
       testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(HostLoadTest, TakesTheProcessorOfAGroupWithAQuotaFromIt) {
  Write("cgroup/app/cpu.max", "200000 100000\n");  // Two processors.
  Write("cgroup/app/cpu.stat", "usage_usec 1000000\nuser_usec 1\n");
  HostLoadReader reader = Reader();
  EXPECT_LT(reader.Sample(At(10)).cpu_ratio, 0);  // One sample is no rate.
  Write("cgroup/app/cpu.stat", "usage_usec 2500000\nuser_usec 1\n");
  EXPECT_NEAR(reader.Sample(At(11)).cpu_ratio, 0.75, 1e-9);
}

TEST_F(HostLoadTest, TakesTheProcessorOfTheMachineWithoutAQuota) {
  Write("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n");
  HostLoadReader reader = Reader();
  EXPECT_LT(reader.Sample(At(10)).cpu_ratio, 0);
  Write("proc/stat", "cpu  130 0 130 730 110 0 0 0 0 0\ncpu0 1 2 3\n");
  EXPECT_NEAR(reader.Sample(At(11)).cpu_ratio, 0.6, 1e-9);
}

TEST_F(HostLoadTest, ReadsMemoryOfBothVersionsOfControlGroups) {
  Write("cgroup/app/memory.max", "1000\n");
  Write("cgroup/app/memory.current", "250\n");
  EXPECT_NEAR(Reader().Sample(At(0)).memory_ratio, 0.25, 1e-9);
  Write("cgroup/app/memory.max", "max\n");
  EXPECT_LT(Reader().Sample(At(0)).memory_ratio, 0);
  Write("proc/self/cgroup", "4:memory:/old\n0::/\n");
  Write("cgroup/memory/old/memory.limit_in_bytes", "4000\n");
  Write("cgroup/memory/old/memory.usage_in_bytes", "1000\n");
  EXPECT_NEAR(Reader().Sample(At(0)).memory_ratio, 0.25, 1e-9);
  Write("cgroup/memory/old/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_LT(Reader().Sample(At(0)).memory_ratio, 0);
}

TEST_F(HostLoadTest, ReadsLoadAndPressure) {
  Write("proc/loadavg", "1.50 0.70 0.30 2/300 4567\n");
  Write("proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.00 total=1\n");
  const HostLoad load = Reader().Sample(At(0));
  EXPECT_NEAR(load.load1, 1.5, 1e-9);
  EXPECT_NEAR(load.pressure_cpu, 0.125, 1e-9);
  EXPECT_LT(load.pressure_io, 0);
}

TEST_F(HostLoadTest, WhatCannotBeReadIsNegative) {
  const HostLoad load = Reader().Sample(At(0));
  EXPECT_LT(load.cpu_ratio, 0);
  EXPECT_LT(load.memory_ratio, 0);
  EXPECT_LT(load.open_files_ratio, 0);
  EXPECT_LT(load.load1, 0);
}

TEST(HostLoadReader, ReadsTheMachineItRunsOn) {
  HostLoadReader reader;
  const HostLoad load = reader.Sample(SteadyTime(seconds(1)));
  EXPECT_GE(load.load1, 0);
  EXPECT_LE(load.open_files_ratio, 1);
}

}  // namespace
}  // namespace sluice::platform
