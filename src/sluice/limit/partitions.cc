#include "sluice/limit/partitions.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace sluice::limit {

void Validate(const std::vector<PartitionOptions>& options,
              std::string_view path,
              ConfigProblems& problems) {
  double sum = 0;
  std::set<std::string_view> names;
  for (const PartitionOptions& partition : options) {
    const bool fits = partition.ratio > 0 && partition.ratio <= 1;
    if (!fits) {
      problems.push_back({fmt::format("{}.{}", path, partition.name),
                          fmt::format("must be above 0 and at most 1, got {}", partition.ratio)});
      continue;
    }
    if (!names.insert(partition.name).second) {
      problems.push_back({fmt::format("{}.{}", path, partition.name), "must be unique"});
    }
    sum += partition.ratio;
  }
  if (sum > 1 + 1e-9) {
    problems.push_back({std::string(path), fmt::format("must add up to at most 1, got {}", sum)});
  }
  if (options.size() > Partitions::kPartitionsMax) {
    problems.push_back(
        {std::string(path),
         fmt::format("must be at most {}, got {}", Partitions::kPartitionsMax, options.size())});
  }
}

Partitions::Partitions(std::vector<PartitionOptions> options)
    : options_(std::move(options)),
      busy_(std::make_unique<std::atomic<std::int64_t>[]>(options_.size() + 1)) {}

std::uint32_t Partitions::Find(std::string_view name) const {
  const auto found = std::ranges::find(options_, name, &PartitionOptions::name);
  if (found == options_.end()) return kNone;
  return static_cast<std::uint32_t>(found - options_.begin()) + 1;
}

std::int64_t Partitions::PartOf(std::uint32_t partition, std::int64_t limit) const {
  if (partition == kNone) return 0;
  // What is a whole number but for rounding must not be rounded up to the next.
  const double part = options_[partition - 1].ratio * static_cast<double>(limit);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(part - 1e-9)));
}

// Sequentially consistent, for a releaser then looks for waiters, and who is about to wait for
// room: one of the two must see the other.
bool Partitions::Enter(std::uint32_t partition, std::int64_t limit) {
  const std::int64_t before = busy_[partition].fetch_add(1, std::memory_order_seq_cst);
  return before < PartOf(partition, limit);
}

void Partitions::Leave(std::uint32_t partition) {
  busy_[partition].fetch_sub(1, std::memory_order_seq_cst);
}

bool Partitions::HasRoom(std::uint32_t partition, std::int64_t limit) const {
  return busy_[partition].load(std::memory_order_seq_cst) < PartOf(partition, limit);
}

}  // namespace sluice::limit
