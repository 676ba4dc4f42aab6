#include "sluice/wire/recording/keyed_hash.h"

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

KeyedHash::Key CountingKey() {
  KeyedHash::Key key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(i);
  return key;
}

// From the reference implementation of SipHash-2-4: key 00…0f, messages 00, 01, ….
TEST(KeyedHash, IsSipHash24) {
  const KeyedHash hash(CountingKey());
  std::string message;
  EXPECT_EQ(hash.Of(message), 0x726fdb47dd0e0e31U);
  for (int i = 0; i < 15; ++i)
    message += static_cast<char>(i);
  EXPECT_EQ(hash.Of(message), 0xa129ca6149be45e5U);
}

TEST(KeyedHash, DependsOnTheKey) {
  KeyedHash::Key other = CountingKey();
  other[15] = 0;
  EXPECT_NE(KeyedHash(CountingKey()).Of("4111111111111111"),
            KeyedHash(other).Of("4111111111111111"));
}

TEST(KeyedHash, KeysAreReadAsTheyAreWritten) {
  const std::string text = FormatKey(CountingKey());
  EXPECT_EQ(text, "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(ParseKey("  " + text + "\n"), CountingKey());
  EXPECT_FALSE(ParseKey(text.substr(2)));
  EXPECT_FALSE(ParseKey("zz" + text.substr(2)));
  EXPECT_FALSE(ParseKey(""));
}

}  // namespace
}  // namespace sluice::wire::recording
