#include "sluice/limit/key_hash.h"

#include <array>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

std::uint64_t HashOf(const KeyHasher& hasher, std::vector<std::string_view> parts) {
  return hasher.Hash(std::span<const std::string_view>(parts));
}

// CPython's own SipHash-1-3 (hash() of the framed bytes with PYTHONHASHSEED=0: a secret of zeros).
TEST(KeyHasher, IsSipHash13OfTheFramedParts) {
  const KeyHasher hasher(0, 0);
  EXPECT_EQ(hasher.Hash(""), 0xbd60acb658c79e45U);
  EXPECT_EQ(hasher.Hash("a"), 0xb7c638bc50970583U);
  EXPECT_EQ(hasher.Hash("user-42"), 0xff48c4612de0fd64U);
  EXPECT_EQ(hasher.Hash("12345678"), 0x00582b7c2cbc5dfU);
  EXPECT_EQ(HashOf(hasher, {"10.0.0.1", "/checkout"}), 0x4c74394c77050aa9U);
}

TEST(KeyHasher, TheBordersBetweenPartsMatter) {
  const KeyHasher hasher(0, 0);
  EXPECT_EQ(HashOf(hasher, {"ab", "c"}), 0x3ce886e5e5928b56U);
  EXPECT_EQ(HashOf(hasher, {"a", "bc"}), 0x554784ab2e97f96fU);
  EXPECT_NE(HashOf(hasher, {"a", ""}), HashOf(hasher, {"a"}));
  EXPECT_NE(HashOf(hasher, {"a", ""}), HashOf(hasher, {"", "a"}));
  // Zeros that fill a word are not zeros of the part.
  EXPECT_NE(hasher.Hash("a"), hasher.Hash(std::string_view("a\0", 2)));
}

TEST(KeyHasher, AnotherSecretGivesOtherHashes) {
  EXPECT_NE(KeyHasher(1, 2).Hash("user-42"), KeyHasher(1, 3).Hash("user-42"));
  EXPECT_NE(KeyHasher(1, 2).Hash("user-42"), KeyHasher(2, 2).Hash("user-42"));
  EXPECT_EQ(KeyHasher(1, 2).Hash("user-42"), KeyHasher(1, 2).Hash("user-42"));
}

TEST(KeyHasher, NeverSaysNoKey) {
  EXPECT_NE(HashOf(KeyHasher(0, 0), {}), 0U);
}

}  // namespace
}  // namespace sluice::limit
