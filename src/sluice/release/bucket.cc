#include "sluice/release/bucket.h"

#include <algorithm>
#include <cmath>

#include <xxhash.h>

#include "sluice/release/digest.h"

namespace sluice::release {
namespace {

constexpr double kBucketsPerPercent = kBuckets / 100.0;
// 0.07 % is 699.9999… buckets as a double: rounding down must not lose one.
constexpr double kRoundingSlack = 1e-6;

}  // namespace

std::uint64_t SaltSeed(std::string_view salt) {
  const Digest digest = Sha256(salt);
  std::uint64_t seed = 0;
  for (int i = 7; i >= 0; --i)
    seed = (seed << 8U) | digest[static_cast<std::size_t>(i)];
  return seed;
}

std::uint64_t KeyHash(std::string_view key, std::uint64_t salt_seed) {
  return XXH64(key.data(), key.size(), salt_seed);
}

std::uint32_t BucketOfHash(std::uint64_t hash) {
  return static_cast<std::uint32_t>(((hash >> 32U) * kBuckets) >> 32U);
}

std::uint32_t BucketsOfPercent(double percent) {
  const double buckets = std::floor(percent * kBucketsPerPercent + kRoundingSlack);
  return static_cast<std::uint32_t>(std::clamp(buckets, 0.0, static_cast<double>(kBuckets)));
}

std::string_view NameOf(Arm arm) {
  switch (arm) {
    case Arm::kStable:
      return "stable";
    case Arm::kControl:
      return "control";
    case Arm::kCandidate:
      return "candidate";
  }
  return "?";
}

Arm ArmOf(std::uint32_t bucket, const Shares& shares) {
  if (bucket < shares.candidate) return Arm::kCandidate;
  if (bucket >= kBuckets - std::min(shares.control, kBuckets)) return Arm::kControl;
  return Arm::kStable;
}

}  // namespace sluice::release
