// Each thread's number in the order of its first call, over the whole process; to choose a stripe.

#pragma once

#include <atomic>
#include <cstddef>

namespace sluice::limit {

inline std::size_t ThreadNumber() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace sluice::limit
