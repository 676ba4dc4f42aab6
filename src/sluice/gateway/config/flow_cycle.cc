#include "sluice/gateway/config/flow_cycle.h"

#include <algorithm>
#include <deque>
#include <limits>

namespace sluice::gateway::config {
namespace {

constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

// A shortest way from `start` back to it; empty when there is none.
std::vector<std::size_t> WayRound(const std::vector<std::vector<std::size_t>>& needs,
                                  std::size_t start) {
  std::vector<std::size_t> from(needs.size(), kNobody);
  std::deque<std::size_t> queue{start};
  while (!queue.empty()) {
    const std::size_t node = queue.front();
    queue.pop_front();
    for (const std::size_t next : needs[node]) {
      if (next == start) {
        std::vector<std::size_t> way{node};
        while (way.back() != start)
          way.push_back(from[way.back()]);
        std::ranges::reverse(way);
        return way;
      }
      if (from[next] != kNobody) continue;
      from[next] = node;
      queue.push_back(next);
    }
  }
  return {};
}

}  // namespace

std::vector<std::vector<std::size_t>> FindCycles(
    const std::vector<std::vector<std::size_t>>& needs) {
  std::vector<std::vector<std::size_t>> cycles;
  std::vector<bool> is_told(needs.size(), false);
  for (std::size_t node = 0; node < needs.size(); ++node) {
    if (is_told[node]) continue;
    std::vector<std::size_t> way = WayRound(needs, node);
    if (way.empty()) continue;
    const bool is_new = std::ranges::none_of(way, [&](std::size_t one) { return is_told[one]; });
    for (const std::size_t one : way)
      is_told[one] = true;
    if (is_new) cycles.push_back(std::move(way));
  }
  return cycles;
}

}  // namespace sluice::gateway::config
