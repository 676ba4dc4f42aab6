#include "sluice/platform/linux/host_load.h"

#include <array>
#include <charconv>
#include <cmath>

#include <sys/resource.h>
#include <sys/stat.h>

#include "sluice/contract/bytes.h"
#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/process.h"

namespace sluice::platform {
namespace {

constexpr Bytes kFileBytesMax = 64 * kKiB;
// What v1 says where there is no limit is near the top of its counter.
constexpr double kNoLimitBytes = 1e18;

std::string Read(const std::string& path) {
  Result<std::string> text = ReadWholeFile(path, kFileBytesMax);
  return text ? std::move(*text) : std::string();
}

// The number that `text` begins with, after spaces.
std::optional<double> NumberAt(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// The number behind `key` and maybe a space.
std::optional<double> NumberBehind(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  return NumberAt(text.substr(at + key.size()));
}

// The path behind "0::" (v2) or ":memory:" (v1) in /proc/self/cgroup.
std::optional<std::string> GroupBehind(std::string_view text, std::string_view marker) {
  const std::size_t at = text.find(marker);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + marker.size());
  return std::string(rest.substr(0, rest.find('\n')));
}

}  // namespace

HostLoadReader::HostLoadReader(HostFiles files) : files_(std::move(files)) {
  const std::string groups = Read(files_.proc + "/self/cgroup");
  unified_ = files_.cgroup + GroupBehind(groups, "0::").value_or("");
  if (const auto group = GroupBehind(groups, ":memory:")) {
    memory_ = files_.cgroup + "/memory" + *group;
  }
  quota_cpus_ = CpuQuotaOf({.root = files_.cgroup, .self_cgroup = groups});
}

double HostLoadReader::CpuOfGroup(SteadyTime now) {
  const std::optional<double> used_us = NumberBehind(Read(unified_ + "/cpu.stat"), "usage_usec");
  if (!used_us) return -1;
  const double used = *used_us / 1e6;
  const std::optional<double> before = std::exchange(used_seconds_, used);
  const double passed = static_cast<double>((now - std::exchange(used_at_, now)).count()) / 1e9;
  if (!before || passed <= 0) return -1;
  return (used - *before) / (passed * quota_cpus_);
}

// "cpu  user nice system idle iowait irq softirq steal …", in ticks since the start.
double HostLoadReader::CpuOfMachine() {
  const std::string text = Read(files_.proc + "/stat");
  if (!text.starts_with("cpu ")) return -1;
  std::array<std::uint64_t, 8> ticks{};
  const char* at = text.data() + 4;
  const char* const end = text.data() + text.size();
  for (std::uint64_t& each : ticks) {
    while (at != end && *at == ' ')
      ++at;
    const auto [stop, error] = std::from_chars(at, end, each);
    if (error != std::errc()) return -1;
    at = stop;
  }
  std::uint64_t all = 0;
  for (const std::uint64_t each : ticks)
    all += each;
  const std::uint64_t busy = all - ticks[3] - ticks[4];
  const std::optional<std::uint64_t> busy_before = std::exchange(busy_ticks_, busy);
  const std::uint64_t all_before = std::exchange(all_ticks_, all);
  if (!busy_before || all <= all_before) return -1;
  return static_cast<double>(busy - *busy_before) / static_cast<double>(all - all_before);
}

double HostLoadReader::Memory() const {
  const std::optional<double> most = NumberAt(Read(unified_ + "/memory.max"));
  if (most && *most > 0) {
    const std::optional<double> used = NumberAt(Read(unified_ + "/memory.current"));
    return used ? *used / *most : -1;
  }
  if (memory_.empty()) return -1;
  const std::optional<double> limit = NumberAt(Read(memory_ + "/memory.limit_in_bytes"));
  const std::optional<double> used = NumberAt(Read(memory_ + "/memory.usage_in_bytes"));
  if (!limit || !used || *limit <= 0 || *limit > kNoLimitBytes) return -1;
  return *used / *limit;
}

// Since Linux 6.2 the size of /proc/self/fd is how many there are; to list them would take long
// just when there are many.
double HostLoadReader::OpenFiles() const {
  struct stat status{};
  rlimit limit{};
  if (::stat((files_.proc + "/self/fd").c_str(), &status) != 0 || status.st_size <= 0) return -1;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == 0) return -1;
  return static_cast<double>(status.st_size) / static_cast<double>(limit.rlim_cur);
}

// "some avg10=1.23 avg60=…": percent of the last ten seconds in which some task waited.
double HostLoadReader::Pressure(std::string_view resource) const {
  const std::string text = Read(files_.proc + "/pressure/" + std::string(resource));
  const std::optional<double> percent = NumberBehind(text, "some avg10=");
  return percent ? *percent / 100 : -1;
}

HostLoad HostLoadReader::Sample(SteadyTime now) {
  HostLoad load;
  load.cpu_ratio = std::isfinite(quota_cpus_) ? CpuOfGroup(now) : CpuOfMachine();
  load.memory_ratio = Memory();
  load.open_files_ratio = OpenFiles();
  load.load1 = NumberAt(Read(files_.proc + "/loadavg")).value_or(-1);
  load.pressure_cpu = Pressure("cpu");
  load.pressure_memory = Pressure("memory");
  load.pressure_io = Pressure("io");
  return load;
}

}  // namespace sluice::platform
