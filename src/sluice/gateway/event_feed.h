// EventFeed: the last changes of state, numbered, for whoever follows them (`/api/v1/events`).
//
// Bounded: who reads too slowly misses the oldest and sees so by the numbers. Belongs to the
// control loop.

#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::gateway {

struct FeedEvent {
  std::uint64_t number = 0;  // From 1 on.
  std::string kind;          // "log", "release".
  std::string data;          // One line: of "release" a JSON object.
};

class EventFeed {
 public:
  static constexpr std::size_t kKept = 1'000;

  void Add(std::string_view kind, std::string_view data) {
    events_.push_back({.number = ++last_, .kind = std::string(kind), .data = std::string(data)});
    if (events_.size() > kKept) events_.pop_front();
  }
  [[nodiscard]] std::uint64_t last() const { return last_; }
  // All that are kept and came after number `after`.
  [[nodiscard]] std::vector<FeedEvent> Since(std::uint64_t after) const {
    std::vector<FeedEvent> found;
    for (const FeedEvent& event : events_) {
      if (event.number > after) found.push_back(event);
    }
    return found;
  }

 private:
  std::deque<FeedEvent> events_;
  std::uint64_t last_ = 0;
};

}  // namespace sluice::gateway
