// Counts what this program allocates; the operators are replaced in memory_count.cc.

#pragma once

#include <cstdint>

namespace dag_bench {

struct MemoryCount {
  std::uint64_t allocations = 0;
  std::int64_t live_bytes = 0;
};

// Over all threads, by now.
MemoryCount CountMemory();

}  // namespace dag_bench
