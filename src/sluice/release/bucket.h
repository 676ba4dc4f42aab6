// Buckets: where a key stands on the ring of a release, the same in every process and language.
//
//   seed   = the first 8 bytes, little-endian, of SHA-256(salt)
//   hash   = XXH64(key, seed)
//   bucket = ((hash >> 32) * 1'000'000) >> 32
//
// Published in docs/formats/release-bucket.md with test vectors, and part of the compatibility
// contract: other gateways and clients must be able to compute it. The product takes the upper bits
// of the hash, so no remainder prefers some buckets.
//
// Pure functions; any thread.

#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::release {

inline constexpr std::uint32_t kBuckets = 1'000'000;

// Of a release's salt; computed once per release.
[[nodiscard]] std::uint64_t SaltSeed(std::string_view salt);

// 0 .. kBuckets - 1.
[[nodiscard]] std::uint32_t BucketOfHash(std::uint64_t hash);
[[nodiscard]] std::uint64_t KeyHash(std::string_view key, std::uint64_t salt_seed);
[[nodiscard]] inline std::uint32_t BucketOf(std::string_view key, std::uint64_t salt_seed) {
  return BucketOfHash(KeyHash(key, salt_seed));
}

// How many buckets a share of the traffic is, rounded down to 0.0001 %. `percent`: 0 .. 100.
[[nodiscard]] std::uint32_t BucketsOfPercent(double percent);

enum class Arm : std::uint8_t { kStable, kControl, kCandidate };
inline constexpr std::size_t kArms = 3;

// "stable", "control", "candidate".
[[nodiscard]] std::string_view NameOf(Arm arm);

// Which buckets belong to whom: the candidate has [0, candidate), the control slice the `control`
// last ones that are left, stable the rest. So a growing candidate only ever takes buckets from
// stable, at last from the control slice, and a shrinking one gives back what it took last: nobody
// changes sides twice while a weight grows.
struct Shares {
  std::uint32_t candidate = 0;  // 0 .. kBuckets.
  std::uint32_t control = 0;    // 0 .. kBuckets.
};

[[nodiscard]] Arm ArmOf(std::uint32_t bucket, const Shares& shares);

}  // namespace sluice::release
