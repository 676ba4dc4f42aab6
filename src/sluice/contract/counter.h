// Counters and gauges of one loop, read by any thread when scraped.
//
// One writer: the owning loop adds with a plain load and store, so counting costs no locked
// instruction. Readers see a recent value, and a sum over loops that is at most a turn old.

#pragma once

#include <atomic>
#include <cstdint>

namespace sluice {

class Counter {
 public:
  // Only from the owning loop.
  void Add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  // Only from the owning loop.
  void Add(std::int64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace sluice
