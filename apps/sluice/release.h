// `sluice release …`: drives gray releases through the admin API.

#pragma once

#include <cstdint>
#include <string>

#include "operate.h"

namespace sluice::app {

struct ReleaseOptions {
  OperateOptions admin;
  std::string name;
  std::string reason;
  std::string user;                 // `explain`: one user, by the value of its key.
  std::uint64_t if_generation = 0;  // 0: whatever is in force.
  bool force = false;
  bool watch = false;
  double interval_seconds = 1;
};

[[nodiscard]] int ListReleases(const ReleaseOptions& options);
// With `watch` until the release has ended: its exit code says how.
[[nodiscard]] int ShowRelease(const ReleaseOptions& options);
[[nodiscard]] int ShowReleaseHistory(const ReleaseOptions& options);
[[nodiscard]] int ExplainRelease(const ReleaseOptions& options);
// `command`: "start", "pause", ….
[[nodiscard]] int CommandRelease(const ReleaseOptions& options, const std::string& command);

}  // namespace sluice::app
