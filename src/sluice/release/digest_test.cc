#include "sluice/release/digest.h"

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

TEST(Digest, MatchesFips180) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, MatchesRfc4231CaseTwo) {
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, ComparesLengthAndBytes) {
  EXPECT_TRUE(SameInConstantTime("abc", "abc"));
  EXPECT_FALSE(SameInConstantTime("abc", "abd"));
  EXPECT_FALSE(SameInConstantTime("abc", "ab"));
}

}  // namespace
}  // namespace sluice::release
