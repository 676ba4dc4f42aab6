#include "sluice/gateway/client_trust.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

class ClientTrust : public testing::Test {
 protected:
  std::string_view ClientOf(std::string_view peer, std::string_view forwarded_for) {
    text_.clear();
    ClientAddress(*Address::Parse(peer), forwarded_for, trusted_).AppendHost(text_);
    return text_;
  }

  std::vector<AddressBlock> trusted_ = {*AddressBlock::Parse("10.0.0.0/8"),
                                        *AddressBlock::Parse("fd00::/8")};
  std::string text_;
};

TEST_F(ClientTrust, AStrangerIsWhoItsSocketSays) {
  EXPECT_EQ(ClientOf("192.0.2.1:5", "198.51.100.7"), "192.0.2.1");
}

TEST_F(ClientTrust, TheRightmostUntrustedAddressIsTheClient) {
  EXPECT_EQ(ClientOf("10.0.0.1:5", "203.0.113.9, 198.51.100.7, 10.2.3.4"), "198.51.100.7");
  EXPECT_EQ(ClientOf("[fd00::1]:5", "2001:db8::1"), "2001:db8::1");
}

TEST_F(ClientTrust, AllTrustedMeansTheLeftmost) {
  EXPECT_EQ(ClientOf("10.0.0.1:5", "10.0.0.3,10.0.0.2"), "10.0.0.3");
}

TEST_F(ClientTrust, RubbishEndsTheWalk) {
  EXPECT_EQ(ClientOf("10.0.0.1:5", "198.51.100.7, unknown, 10.0.0.2"), "10.0.0.2");
  EXPECT_EQ(ClientOf("10.0.0.1:5", "unix:/etc"), "10.0.0.1");
  EXPECT_EQ(ClientOf("10.0.0.1:5", ""), "10.0.0.1");
}

TEST_F(ClientTrust, AnElementMayCarryItsPort) {
  EXPECT_EQ(ClientOf("10.0.0.1:5", "198.51.100.7:4711"), "198.51.100.7");
  EXPECT_EQ(ClientOf("10.0.0.1:5", "[2001:db8::1]:80"), "2001:db8::1");
}

}  // namespace
}  // namespace sluice::gateway
