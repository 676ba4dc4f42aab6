#include "sluice/gateway/stream_reset.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace sluice::gateway {
namespace {

constexpr double kPartMax = 0.1;

}  // namespace

std::size_t StreamsToReset(std::size_t large, double ratio) {
  if (ratio <= 0) return 0;
  return static_cast<std::size_t>(std::ceil(static_cast<double>(large) * kPartMax * ratio));
}

std::size_t ResetLargest(std::span<Session* const> sessions, double ratio) {
  std::vector<std::pair<Bytes, Session*>> large;
  for (Session* const session : sessions) {
    const Bytes held = session->HeldBytes();
    if (held > kLargeBytes) large.emplace_back(held, session);
  }
  const std::size_t count = StreamsToReset(large.size(), ratio);
  const auto last = large.begin() + static_cast<std::ptrdiff_t>(count);
  std::ranges::partial_sort(large, last, std::greater<>(), &std::pair<Bytes, Session*>::first);
  for (auto one = large.begin(); one != last; ++one)
    one->second->Shed();
  return count;
}

}  // namespace sluice::gateway
