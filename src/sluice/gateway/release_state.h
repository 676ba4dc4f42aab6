// ReleaseState: what all loops share of one release: its weight, and what is counted by arm.
//
// The weight is one atomic word, so a request sees all of a change or nothing, and a rollback takes
// effect with the next request of each loop. Counters are per worker and route. It outlives
// configurations, by the release's name.
//
// Written by the control loop where it says so; counters by their own worker; read by any thread.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/contract/time.h"
#include "sluice/release/bucket.h"
#include "sluice/release/decision.h"
#include "sluice/release/event_filter.h"
#include "sluice/release/tick.h"

namespace sluice::gateway {

// Where a user's key came from.
enum class KeySourceKind : std::uint8_t {
  kClientIp,
  kHeader,
  kCookie,
  kQuery,
  kJwt,
  kIdentity,  // The cookie that we gave.
  kIssued,    // It was given just now.
  kRandom,
  kNone,
};
inline constexpr std::size_t kKeySources = 9;
[[nodiscard]] std::string_view NameOf(KeySourceKind source);

// Logarithmic, eight parts an octave, from 65 us on; the last holds all above two minutes.
inline constexpr std::size_t kLatencyParts = 168;
[[nodiscard]] std::size_t LatencyPartOf(Nanos duration);
// The longest duration that still belongs to the part.
[[nodiscard]] Nanos LatencyPartEnd(std::size_t part);
using LatencyParts = std::array<std::uint64_t, kLatencyParts>;

// Of one worker and one route.
struct alignas(64) ReleaseRouteCounts {
  struct ArmCounts {
    Counter requests;
    Counter failures;
    Counter slow;
    Counter keys;
    std::array<Counter, release::kChannelsMax> events;
  };
  std::array<ArmCounts, release::kArms> arms;
  std::array<Counter, kLatencyParts> stable_latency;
};

// Of one worker.
struct alignas(64) ReleaseWorkerCounts {
  std::array<std::array<Counter, release::kCauses>, release::kArms> decisions;
  std::array<Counter, kKeySources> key_sources;
  Counter bodies_unread;  // That the judge asked for in vain.
};

struct ReleaseRoute {
  static constexpr std::int64_t kNoThreshold = std::numeric_limits<std::int64_t>::max();

  std::string route;
  // By channel: slower is an event of a latency metric. The control loop freezes them.
  std::array<std::atomic<std::int64_t>, release::kChannelsMax> thresholds_nanos;
  std::vector<std::unique_ptr<ReleaseRouteCounts>> workers;

  [[nodiscard]] release::Tick Totals() const;
  [[nodiscard]] LatencyParts StableLatency() const;
};

class ReleaseState {
 public:
  explicit ReleaseState(std::size_t workers);
  ReleaseState(const ReleaseState&) = delete;
  ReleaseState& operator=(const ReleaseState&) = delete;

  struct Split {
    bool is_live = false;  // false: everybody gets stable, whatever rules and orders say.
    release::Shares shares;
  };
  [[nodiscard]] Split split() const;
  // Control loop. Relaxed: each request needs this one word and nothing else.
  void SetSplit(const Split& split);

  // Control loop: the counts of `route`, made at the first call; stable for ever.
  [[nodiscard]] ReleaseRoute& Route(const std::string& route);
  // Calls `visit(const ReleaseRoute&)` for each, in order of names. Control loop.
  template <typename Visit>
  void ForEachRoute(Visit visit) {
    for (auto& entry : routes_)
      visit(*entry.second);
  }

  [[nodiscard]] ReleaseWorkerCounts& worker(std::size_t index) { return *workers_[index]; }
  [[nodiscard]] const std::vector<std::unique_ptr<ReleaseWorkerCounts>>& workers() const {
    return workers_;
  }
  [[nodiscard]] release::EventFilter& filter() { return filter_; }
  [[nodiscard]] release::Tick Totals() const;

 private:
  std::atomic<std::uint64_t> split_{0};
  std::map<std::string, std::unique_ptr<ReleaseRoute>> routes_;
  std::vector<std::unique_ptr<ReleaseWorkerCounts>> workers_;
  release::EventFilter filter_;
};

}  // namespace sluice::gateway
