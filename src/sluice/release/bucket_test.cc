#include "sluice/release/bucket.h"

#include <array>
#include <cmath>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::release {
namespace {

std::string Key(std::uint64_t number) {
  return fmt::format("user-{}", number);
}

std::array<std::uint64_t, kArms> CountArms(std::string_view salt,
                                           std::uint64_t keys,
                                           const Shares& shares) {
  std::array<std::uint64_t, kArms> counts{};
  const std::uint64_t seed = SaltSeed(salt);
  for (std::uint64_t i = 0; i < keys; ++i)
    ++counts[static_cast<std::size_t>(ArmOf(BucketOf(Key(i), seed), shares))];
  return counts;
}

TEST(Bucket, G4PublishedVectorsMatch) {
  std::ifstream file(SLUICE_SOURCE_DIR "/docs/formats/release-bucket.json");
  const nlohmann::json vectors = nlohmann::json::parse(file);
  ASSERT_GE(vectors.size(), 40U);
  for (const nlohmann::json& vector : vectors) {
    const std::uint64_t seed = SaltSeed(vector["salt"].get<std::string>());
    const auto key = vector["key"].get<std::string>();
    EXPECT_EQ(fmt::format("{:016x}", seed), vector["seed"]);
    EXPECT_EQ(fmt::format("{:016x}", KeyHash(key, seed)), vector["hash"]);
    EXPECT_EQ(BucketOf(key, seed), vector["bucket"].get<std::uint32_t>());
  }
}

TEST(Bucket, G1TenPercentOfAHundredThousandKeysWithinFourSigma) {
  const auto counts = CountArms("booking-v2", 100'000, {.candidate = BucketsOfPercent(10)});
  EXPECT_NEAR(static_cast<double>(counts[2]), 10'000, 4 * std::sqrt(100'000 * 0.1 * 0.9));
}

TEST(Bucket, G3RisingWeightsNeverTakeTheCandidateAway) {
  const std::uint64_t seed = SaltSeed("booking-v2");
  std::set<std::uint64_t> before;
  for (const double percent : {1.0, 5.0, 20.0, 50.0, 100.0}) {
    const Shares shares{.candidate = BucketsOfPercent(percent), .control = BucketsOfPercent(10)};
    std::set<std::uint64_t> now;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      if (ArmOf(BucketOf(Key(i), seed), shares) == Arm::kCandidate) now.insert(i);
    }
    for (const std::uint64_t user : before)
      EXPECT_TRUE(now.contains(user));
    const double expected = 20'000 * percent / 100;
    EXPECT_NEAR(static_cast<double>(now.size()), expected, 4 * std::sqrt(expected) + 1);
    before = std::move(now);
  }
}

TEST(Bucket, G5WeightsOfNothingAllAndATenThousandth) {
  EXPECT_EQ(CountArms("s", 10'000, {.candidate = BucketsOfPercent(0)})[2], 0U);
  EXPECT_EQ(CountArms("s", 10'000, {.candidate = BucketsOfPercent(100)})[2], 10'000U);
  const auto few = CountArms("s", 1'000'000, {.candidate = BucketsOfPercent(0.01)})[2];
  EXPECT_NEAR(static_cast<double>(few), 100, 40);
}

TEST(Bucket, AMillionKeysFillTheRingEvenly) {
  // 100 parts of the ring: chi-square with 99 degrees of freedom exceeds 148.2 once in a thousand.
  const std::uint64_t seed = SaltSeed("even");
  std::array<double, 100> parts{};
  for (std::uint64_t i = 0; i < 1'000'000; ++i)
    parts[BucketOf(Key(i), seed) / 10'000] += 1;
  double chi_square = 0;
  for (const double count : parts)
    chi_square += (count - 10'000) * (count - 10'000) / 10'000;
  EXPECT_LT(chi_square, 148.2);
}

TEST(Bucket, AnotherSaltTakesOtherUsers) {
  const std::uint64_t one = SaltSeed("one");
  const std::uint64_t two = SaltSeed("two");
  const Shares shares{.candidate = BucketsOfPercent(50)};
  std::uint64_t same = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    if (ArmOf(BucketOf(Key(i), one), shares) == ArmOf(BucketOf(Key(i), two), shares)) ++same;
  }
  EXPECT_NEAR(static_cast<double>(same), 5'000, 200);
}

TEST(Bucket, PercentsAreRoundedDownToATenThousandth) {
  EXPECT_EQ(BucketsOfPercent(0.07), 700U);
  EXPECT_EQ(BucketsOfPercent(12.34567), 123'456U);
  EXPECT_EQ(BucketsOfPercent(0.00009), 0U);
  EXPECT_EQ(BucketsOfPercent(100), kBuckets);
}

TEST(Bucket, TheControlSliceIsAtTheTopAndYieldsLast) {
  const Shares shares{.candidate = 950'000, .control = 100'000};
  EXPECT_EQ(ArmOf(949'999, shares), Arm::kCandidate);
  EXPECT_EQ(ArmOf(950'000, shares), Arm::kControl);
  EXPECT_EQ(ArmOf(899'999, {.candidate = 10, .control = 100'000}), Arm::kStable);
  EXPECT_EQ(ArmOf(900'000, {.candidate = 10, .control = 100'000}), Arm::kControl);
}

}  // namespace
}  // namespace sluice::release
