// EventQueue: what will happen in a world, earliest first.
//
// Not thread-safe: belongs to one world.

#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "sluice/contract/assert.h"
#include "sluice/contract/time.h"

namespace sluice::sim {

class Loop;

// Which of two events is first: by time, then by the draw (all 0 without shuffling), then by the
// order in which they were made.
struct EventOrder {
  SteadyTime at{};
  std::uint64_t draw = 0;
  std::uint64_t sequence = 0;

  friend auto operator<=>(const EventOrder&, const EventOrder&) = default;
};

struct Event {
  // `subject` outlives the event, `detail` is the actor's own.
  using Act = void (*)(void* subject, std::uint64_t detail);

  EventOrder order;
  Loop* loop = nullptr;
  Act act = nullptr;
  void* subject = nullptr;
  std::uint64_t detail = 0;
};

class EventQueue {
 public:
  void Push(const Event& event) {
    heap_.push_back(event);
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] const Event& first() const { return heap_.front(); }

  Event Pop() {
    SLUICE_ASSERT(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Event event = heap_.back();
    heap_.pop_back();
    return event;
  }

 private:
  static bool Later(const Event& left, const Event& right) { return left.order > right.order; }

  std::vector<Event> heap_;
};

}  // namespace sluice::sim
