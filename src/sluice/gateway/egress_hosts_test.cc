#include "sluice/gateway/egress_hosts.h"

#include <string_view>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

bool IsLocal(std::string_view ip) {
  const Result<Address> address = Address::ParseIp(ip);
  EXPECT_TRUE(address.has_value()) << ip;
  return IsLocalAddress(*address);
}

TEST(IsLocalAddress, KnowsThisMachineAndItsLink) {
  for (const std::string_view ip : {"127.0.0.1",
                                    "127.9.9.9",
                                    "0.0.0.0",
                                    "0.1.2.3",
                                    "169.254.169.254",
                                    "224.0.0.1",
                                    "255.255.255.255",
                                    "::1",
                                    "::",
                                    "::2",
                                    "fe80::1",
                                    "febf::1",
                                    "ff02::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:169.254.169.254",
                                    "100.100.100.200",
                                    "168.63.129.16",
                                    "fd00:ec2::254",
                                    "64:ff9b::169.254.169.254",
                                    "64:ff9b::7f00:1",
                                    "2002:7f00:1::1"}) {
    EXPECT_TRUE(IsLocal(ip)) << ip;
  }
  EXPECT_TRUE(IsLocalAddress(Address::Unix("/run/x")));
}

TEST(IsLocalAddress, LeavesOtherMachinesAlone) {
  for (const std::string_view ip :
       {"10.0.0.1", "192.168.1.1", "172.16.0.1", "169.253.0.1", "223.255.255.255", "8.8.8.8",
        "2001:db8::1", "fd00::1", "fec0::1", "::ffff:10.0.0.1", "100.100.100.201",
        "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_FALSE(IsLocal(ip)) << ip;
  }
}

}  // namespace
}  // namespace sluice::gateway
