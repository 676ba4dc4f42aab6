// Partitions: guaranteed parts of a concurrency limit.
//
// While the limit has room anybody may use it; once it is reached, a partition may still enter up
// to its own part of it, ceil(limit x ratio) and at least 1 (Netflix's partitioned limiter).
// Whoever is in no partition has no guarantee. Thread-safe: counts are atomics; a partition never
// has more than its part while the limit is full.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"

namespace sluice::limit {

struct PartitionOptions {
  std::string name;  // Required, unique.
  double ratio = 0;  // Above 0 .. 1 of the limit; all together at most 1.
};

// Appends every problem, each under `path` + "." + the partition's name.
void Validate(const std::vector<PartitionOptions>& options,
              std::string_view path,
              ConfigProblems& problems);

class Partitions {
 public:
  // Index of whoever is in none.
  static constexpr std::uint32_t kNone = 0;
  static constexpr std::size_t kPartitionsMax = 16;

  explicit Partitions(std::vector<PartitionOptions> options);

  // From 1; kNone for a name that is none. The names stay as they were at the start.
  [[nodiscard]] std::uint32_t Find(std::string_view name) const;

  // Counts one more; true when that is within the partition's part of `limit`.
  [[nodiscard]] bool Enter(std::uint32_t partition, std::int64_t limit);
  void Leave(std::uint32_t partition);
  // Whether one more would be within the part.
  [[nodiscard]] bool HasRoom(std::uint32_t partition, std::int64_t limit) const;

  [[nodiscard]] bool empty() const { return options_.empty(); }
  [[nodiscard]] std::size_t size() const { return options_.size(); }
  [[nodiscard]] const PartitionOptions& options(std::size_t index) const { return options_[index]; }
  [[nodiscard]] std::int64_t busy(std::uint32_t partition) const {
    return busy_[partition].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t PartOf(std::uint32_t partition, std::int64_t limit) const;

 private:
  std::vector<PartitionOptions> options_;
  std::unique_ptr<std::atomic<std::int64_t>[]> busy_;  // [0]: in none.
};

}  // namespace sluice::limit
