// HashRing: which endpoint a key belongs to, so that few keys move when endpoints come and go.
//
// Consistent hashing (Karger et al., 1997): every endpoint throws points onto a ring of 64-bit
// hashes, and a key belongs to the first point at or behind its own hash. A point depends on its
// endpoint's name alone, so when one leaves only its own keys move, each to the next point.
//
// Immutable after construction; any thread may read.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::traffic {

struct RingMember {
  std::string_view name;     // What the points are derived from; unique.
  std::uint32_t weight = 1;  // Points are proportional to it.
};

class HashRing {
 public:
  static constexpr std::size_t kPointsPerWeight = 160;
  static constexpr std::size_t kPointsMax = 65'536;

  // An empty ring.
  HashRing() = default;

  // 160 points for each member and unit of weight. When that would exceed kPointsMax all shares
  // shrink alike, to at least one point a member; then a change of members moves a few more keys.
  explicit HashRing(std::span<const RingMember> members);

  // The position on the ring where the walk for `key_hash` starts. Requires a ring with points.
  [[nodiscard]] std::size_t Find(std::uint64_t key_hash) const;

  // The member (its index in the constructor's list) that owns a position; positions run from 0 to
  // points() - 1, and the walk wraps around.
  [[nodiscard]] std::size_t MemberAt(std::size_t position) const { return members_[position]; }
  [[nodiscard]] std::size_t points() const { return hashes_.size(); }

 private:
  // Apart, so that the search touches hashes only.
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> members_;
};

}  // namespace sluice::traffic
