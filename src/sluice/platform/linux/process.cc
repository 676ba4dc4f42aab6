#include "sluice/platform/linux/process.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr Bytes kProcFileBytesMax = 64 * kKiB;

std::optional<double> ReadNumber(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::string FirstLineOf(const std::string& path) {
  const Result<std::string> text = ReadWholeFile(path, kProcFileBytesMax);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

// "0::/system.slice/sluice.service" in /proc/self/cgroup: the group in the hierarchy of version 2.
std::string UnifiedGroupOf(std::string_view cgroups) {
  constexpr std::string_view kPrefix = "0::";
  while (!cgroups.empty()) {
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    if (line.starts_with(kPrefix)) return std::string(line.substr(kPrefix.size()));
    cgroups.remove_prefix(std::min(cgroups.size(), line.size() + 1));
  }
  return {};
}

}  // namespace

Result<std::uint64_t> RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return FailErrno(errno, "getrlimit");
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return FailErrno(errno, "setrlimit");
  }
  return std::uint64_t{limit.rlim_cur};
}

double CpuQuotaOf(const CgroupFiles& files) {
  double quota = HUGE_VAL;
  // A group is bounded by each of its ancestors too ("max 100000" or "150000 100000").
  std::string group = UnifiedGroupOf(files.self_cgroup);
  while (true) {
    const std::string line = FirstLineOf(fmt::format("{}{}/cpu.max", files.root, group));
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) {
      const std::optional<double> allowed = ReadNumber(line);
      const std::optional<double> period = ReadNumber(std::string_view(line).substr(space + 1));
      if (allowed && period && *period > 0) quota = std::min(quota, *allowed / *period);
    }
    if (group.empty() || group == "/") break;
    group.erase(group.rfind('/'));
  }
  const auto old_quota = ReadNumber(FirstLineOf(files.root + "/cpu/cpu.cfs_quota_us"));
  const auto old_period = ReadNumber(FirstLineOf(files.root + "/cpu/cpu.cfs_period_us"));
  if (old_quota && old_period && *old_quota > 0 && *old_period > 0) {
    quota = std::min(quota, *old_quota / *old_period);
  }
  return quota;
}

unsigned UsableCpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  // Fails on machines of more than 1024 CPUs; then all that are online.
  const bool known = ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
  const double cpus = known ? CPU_COUNT(&allowed)
                            : static_cast<double>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  const Result<std::string> cgroups = ReadWholeFile("/proc/self/cgroup", kProcFileBytesMax);
  const double quota =
      CpuQuotaOf({.root = "/sys/fs/cgroup", .self_cgroup = cgroups ? *cgroups : std::string()});
  return static_cast<unsigned>(std::max(1.0, std::ceil(std::min(cpus, quota))));
}

Result<ProcessUsage> ReadProcessUsage() {
  const Result<std::string> statm = ReadWholeFile("/proc/self/statm", kProcFileBytesMax);
  if (!statm) return Fail(ErrorCode::kInputOutput, statm.error().detail);
  const std::optional<double> pages = ReadNumber(statm->substr(statm->find(' ') + 1));
  if (!pages) return Fail(ErrorCode::kInputOutput, "/proc/self/statm: unknown format");
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return Fail(ErrorCode::kInputOutput, "/proc/self/fd: " + error.message());
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return FailErrno(errno, "getrusage");
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  const auto open_files = std::distance(begin(files), end(files)) - 1;  // Not the one that looks.
  return ProcessUsage{
      .resident = static_cast<Bytes>(*pages) * static_cast<Bytes>(::sysconf(_SC_PAGESIZE)),
      .open_files = static_cast<std::size_t>(std::max<std::ptrdiff_t>(open_files, 0)),
      .cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  while (::getrandom(&seed, sizeof(seed), 0) != static_cast<ssize_t>(sizeof(seed))) {
    SLUICE_ASSERT(errno == EINTR);
  }
  return seed;
}

}  // namespace sluice::platform
