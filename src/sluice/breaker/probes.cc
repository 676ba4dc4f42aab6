#include "sluice/breaker/probes.h"

#include <algorithm>

namespace sluice::breaker {

Probes::Probes(int permitted) : places_(static_cast<std::size_t>(permitted)) {}

void Probes::Restart() {
  std::ranges::fill(places_, Place{});
  counts_ = {};
  in_flight_ = 0;
}

std::optional<std::uint64_t> Probes::Take(SteadyTime deadline) {
  const auto free = std::ranges::find(places_, Use::kFree, &Place::use);
  if (free == places_.end()) return std::nullopt;
  *free = {.use = Use::kInFlight, .ticket = ++last_ticket_, .deadline = deadline};
  ++in_flight_;
  return last_ticket_;
}

Probes::Place* Probes::Find(std::uint64_t ticket) {
  for (Place& place : places_) {
    if (place.use == Use::kInFlight && place.ticket == ticket) return &place;
  }
  return nullptr;
}

bool Probes::Count(std::uint64_t ticket, const CallResult& result) {
  Place* const place = Find(ticket);
  if (place == nullptr) return false;
  place->use = Use::kSpent;
  --in_flight_;
  counts_.Add(result);
  return true;
}

bool Probes::GiveBack(std::uint64_t ticket) {
  Place* const place = Find(ticket);
  if (place == nullptr) return false;
  place->use = Use::kFree;
  --in_flight_;
  return true;
}

void Probes::Expire(SteadyTime now) {
  if (in_flight_ == 0) return;
  for (Place& place : places_) {
    if (place.use != Use::kInFlight || place.deadline > now) continue;
    place.use = Use::kSpent;
    --in_flight_;
    // It failed by not ending; how slow it would have been nobody knows.
    counts_.Add({.failed = true});
  }
}

bool Probes::has_free() const {
  return counts_.calls + static_cast<std::uint64_t>(in_flight_) < places_.size();
}

SteadyTime Probes::next_deadline() const {
  SteadyTime earliest = kNever;
  for (const Place& place : places_) {
    if (place.use == Use::kInFlight) earliest = std::min(earliest, place.deadline);
  }
  return earliest;
}

}  // namespace sluice::breaker
