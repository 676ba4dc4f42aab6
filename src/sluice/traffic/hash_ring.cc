#include "sluice/traffic/hash_ring.h"

#include <algorithm>

#include <xxhash.h>

#include "sluice/contract/assert.h"

namespace sluice::traffic {

namespace {

struct Point {
  std::uint64_t hash = 0;
  std::uint32_t member = 0;
};

}  // namespace

HashRing::HashRing(std::span<const RingMember> members) {
  std::size_t wanted = 0;
  for (const RingMember& member : members) {
    wanted += kPointsPerWeight * member.weight;
  }
  std::vector<Point> points;
  points.reserve(std::min(wanted, kPointsMax + members.size()));
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::size_t share = kPointsPerWeight * members[i].weight;
    if (wanted > kPointsMax) share = std::max<std::size_t>(1, share * kPointsMax / wanted);
    // Points are numbered, so a smaller share is the beginning of a larger one: shrinking only
    // takes points away.
    for (std::size_t number = 0; number < share; ++number) {
      const std::string_view name = members[i].name;
      points.push_back({.hash = XXH3_64bits_withSeed(name.data(), name.size(), number),
                        .member = static_cast<std::uint32_t>(i)});
    }
  }
  // By name where two points fall together, so that the order of the members does not matter.
  const auto before = [&](const Point& a, const Point& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return members[a.member].name < members[b.member].name;
  };
  std::sort(points.begin(), points.end(), before);

  hashes_.reserve(points.size());
  members_.reserve(points.size());
  for (const Point& point : points) {
    hashes_.push_back(point.hash);
    members_.push_back(point.member);
  }
}

std::size_t HashRing::Find(std::uint64_t key_hash) const {
  SLUICE_ASSERT(!hashes_.empty());
  const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), key_hash);
  return at == hashes_.end() ? 0 : static_cast<std::size_t>(at - hashes_.begin());
}

}  // namespace sluice::traffic
