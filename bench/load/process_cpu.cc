#include "load/process_cpu.h"

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace sluice::load {
namespace {

// The process clocks of the kernel (include/linux/posix-timers.h): the pid inverted, above three
// bits that choose what is counted. clock_getcpuclockid() builds the last of them alone.
constexpr unsigned kCountsUserAndKernel = 0;
constexpr unsigned kCountsUser = 1;
constexpr unsigned kCountsRunTime = 2;

Result<Nanos> ReadClock(pid_t process, unsigned what) {
  const auto id = static_cast<clockid_t>((~static_cast<unsigned>(process) << 3U) | what);
  timespec used{};
  if (::clock_gettime(id, &used) != 0) {
    return Fail(ErrorCode::kNotFound, fmt::format("process {} is gone", process));
  }
  return std::chrono::seconds(used.tv_sec) + Nanos(used.tv_nsec);
}

// Second field of /proc/PID/task/TID/schedstat: time spent waiting on a run queue.
Nanos ReadWaited(pid_t process) {
  Nanos waited{0};
  std::error_code error;
  const std::filesystem::path tasks = fmt::format("/proc/{}/task", process);
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::ifstream schedstat(task.path() / "schedstat");
    std::int64_t ran_ns = 0;
    std::int64_t waited_ns = 0;
    if (schedstat >> ran_ns >> waited_ns) waited += Nanos(waited_ns);
  }
  return waited;
}

}  // namespace

Result<CpuUse> ReadCpuUse(std::span<const pid_t> processes) {
  CpuUse sum;
  for (const pid_t process : processes) {
    const Result<Nanos> total = ReadClock(process, kCountsRunTime);
    const Result<Nanos> user = ReadClock(process, kCountsUser);
    const Result<Nanos> both = ReadClock(process, kCountsUserAndKernel);
    if (!total) return std::unexpected(total.error());
    if (!user) return std::unexpected(user.error());
    if (!both) return std::unexpected(both.error());
    sum.total += *total;
    sum.user_sampled += *user;
    sum.kernel_sampled += *both - *user;
    sum.waited += ReadWaited(process);
  }
  return sum;
}

CpuUse operator-(const CpuUse& later, const CpuUse& earlier) {
  return {.total = later.total - earlier.total,
          .user_sampled = later.user_sampled - earlier.user_sampled,
          .kernel_sampled = later.kernel_sampled - earlier.kernel_sampled,
          .waited = later.waited - earlier.waited};
}

}  // namespace sluice::load
