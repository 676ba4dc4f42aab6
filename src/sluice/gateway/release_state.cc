#include "sluice/gateway/release_state.h"

#include <algorithm>
#include <bit>

namespace sluice::gateway {
namespace {

// A word: bit 63 live, then 24 bits for each share.
constexpr std::uint64_t kLive = std::uint64_t{1} << 63U;
constexpr unsigned kShareBits = 24;
constexpr std::uint64_t kShareMask = (std::uint64_t{1} << kShareBits) - 1;
static_assert(release::kBuckets <= kShareMask);

constexpr unsigned kFirstBit = 16;  // 2^16 ns.
constexpr unsigned kPartBits = 3;

}  // namespace

std::string_view NameOf(KeySourceKind source) {
  constexpr std::array<std::string_view, kKeySources> kNames = {
      "client_ip", "header", "cookie", "query", "jwt", "identity", "issued", "random", "none"};
  return kNames[static_cast<std::size_t>(source)];
}

std::size_t LatencyPartOf(Nanos duration) {
  const auto nanos = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  if (nanos < (std::uint64_t{1} << kFirstBit)) return 0;
  const auto bit = static_cast<unsigned>(std::bit_width(nanos)) - 1;
  const std::uint64_t part = (nanos >> (bit - kPartBits)) & 7U;
  const std::size_t index = (static_cast<std::size_t>(bit - kFirstBit) << kPartBits) + part;
  return std::min(index, kLatencyParts - 1);
}

Nanos LatencyPartEnd(std::size_t part) {
  const auto octave = static_cast<unsigned>(part >> kPartBits) + kFirstBit;
  const std::uint64_t step = (part & 7U) + 9;  // The next part's begin, in eighths.
  return Nanos(static_cast<std::int64_t>((step << (octave - kPartBits)) - 1));
}

release::Tick ReleaseRoute::Totals() const {
  release::Tick tick;
  for (const auto& worker : workers) {
    for (std::size_t i = 0; i < release::kArms; ++i) {
      const ReleaseRouteCounts::ArmCounts& counts = worker->arms[i];
      release::ArmTick& arm = tick.arms[i];
      arm.requests += counts.requests.value();
      arm.failures += counts.failures.value();
      arm.slow += counts.slow.value();
      arm.keys += counts.keys.value();
      for (std::size_t k = 0; k < release::kChannelsMax; ++k)
        arm.events[k] += counts.events[k].value();
    }
  }
  return tick;
}

LatencyParts ReleaseRoute::StableLatency() const {
  LatencyParts parts{};
  for (const auto& worker : workers) {
    for (std::size_t i = 0; i < kLatencyParts; ++i)
      parts[i] += worker->stable_latency[i].value();
  }
  return parts;
}

ReleaseState::ReleaseState(std::size_t workers) : workers_(workers) {
  for (auto& worker : workers_)
    worker = std::make_unique<ReleaseWorkerCounts>();
}

ReleaseState::Split ReleaseState::split() const {
  const std::uint64_t word = split_.load(std::memory_order_relaxed);
  return {.is_live = (word & kLive) != 0,
          .shares = {.candidate = static_cast<std::uint32_t>(word & kShareMask),
                     .control = static_cast<std::uint32_t>((word >> kShareBits) & kShareMask)}};
}

void ReleaseState::SetSplit(const Split& split) {
  const std::uint64_t word = (split.is_live ? kLive : 0) | split.shares.candidate |
                             (std::uint64_t{split.shares.control} << kShareBits);
  split_.store(word, std::memory_order_relaxed);
}

ReleaseRoute& ReleaseState::Route(const std::string& route) {
  std::unique_ptr<ReleaseRoute>& found = routes_[route];
  if (found == nullptr) {
    found = std::make_unique<ReleaseRoute>();
    found->route = route;
    for (auto& threshold : found->thresholds_nanos)
      threshold.store(ReleaseRoute::kNoThreshold, std::memory_order_relaxed);
    for (std::size_t i = 0; i < workers_.size(); ++i)
      found->workers.push_back(std::make_unique<ReleaseRouteCounts>());
  }
  return *found;
}

release::Tick ReleaseState::Totals() const {
  release::Tick sum;
  for (const auto& entry : routes_)
    sum += entry.second->Totals();
  return sum;
}

}  // namespace sluice::gateway
