#include "sluice/contract/address.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Address, ReadsAndWritesTheSameText) {
  for (const std::string text :
       {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:443", "[::]:1",
        "[2001:db8::8:800:200c:417a]:7070", "[1:0:0:2::3]:9", "unix:/run/sluice.sock"}) {
    const Result<Address> address = Address::Parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(Address, RefusesWhatIsNotAnAddress) {
  for (const std::string text :
       {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.256:1", "01.2.3.4:1",
        "1.2.3:1", "1.2.3.4.5:1", "::1:80", "[::1]", "[1.2.3.4]:80", "[1::2::3]:1", "[1:2]:1",
        "[12345::]:1", "[:1]:1", "localhost:80", "unix:", "127.0.0.1:8o"}) {
    EXPECT_FALSE(Address::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Address::Parse("unix:" + std::string(108, 'x')).has_value());
}

TEST(AddressBlock, ContainsByPrefix) {
  const Result<AddressBlock> ten = AddressBlock::Parse("10.0.0.0/8");
  ASSERT_TRUE(ten.has_value());
  EXPECT_TRUE(ten->Contains(*Address::Parse("10.255.0.1:5")));
  EXPECT_FALSE(ten->Contains(*Address::Parse("11.0.0.1:5")));
  EXPECT_TRUE(ten->Contains(*Address::Parse("[::ffff:10.1.2.3]:5")));
  EXPECT_FALSE(ten->Contains(Address::Unix("/x")));

  const Result<AddressBlock> odd = AddressBlock::Parse("192.168.4.0/22");
  ASSERT_TRUE(odd.has_value());
  EXPECT_TRUE(odd->Contains(*Address::Parse("192.168.7.255:1")));
  EXPECT_FALSE(odd->Contains(*Address::Parse("192.168.8.0:1")));

  EXPECT_TRUE(AddressBlock::Parse("::/0")->Contains(*Address::Parse("[::1]:1")));
  EXPECT_TRUE(AddressBlock::Parse("127.0.0.1")->Contains(*Address::Parse("127.0.0.1:9")));
  EXPECT_FALSE(AddressBlock::Parse("10.0.0.0/33").has_value());
  EXPECT_FALSE(AddressBlock::Parse("10.0.0/8").has_value());
}

}  // namespace
}  // namespace sluice
