// Bulkhead: how many may be in a place at once. Exact: a place is taken before it is used, and
// handed back when the taker finds it was one too many. Thread-safe.

#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace sluice::degrade {

class Bulkhead {
 public:
  // Holds a place until destroyed; an empty one holds none. Must not outlive its bulkhead.
  class [[nodiscard]] Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : bulkhead_(std::exchange(other.bulkhead_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(bulkhead_, other.bulkhead_);
      return *this;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (bulkhead_ != nullptr) bulkhead_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    friend class Bulkhead;
    explicit Place(Bulkhead& bulkhead) : bulkhead_(&bulkhead) {}
    Bulkhead* bulkhead_ = nullptr;
  };

  // 0: no bound.
  explicit Bulkhead(std::int64_t max_concurrent = 0) : max_concurrent_(max_concurrent) {}

  // Empty when all places are taken.
  [[nodiscard]] std::optional<Place> TryEnter() {
    const std::int64_t before = in_flight_.fetch_add(1, std::memory_order_relaxed);
    if (max_concurrent_ > 0 && before >= max_concurrent_) {
      in_flight_.fetch_sub(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return Place(*this);
  }

  [[nodiscard]] std::int64_t in_flight() const {
    return in_flight_.load(std::memory_order_relaxed);
  }

 private:
  std::int64_t max_concurrent_;
  std::atomic<std::int64_t> in_flight_{0};
};

}  // namespace sluice::degrade
