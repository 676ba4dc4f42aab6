#include "sluice/platform/linux/socket_address.h"

#include <string>

#include <gtest/gtest.h>

#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

TEST(SocketAddress, EveryAddressComesBackAsItWas) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "[2001:db8::7]:443", "unix:/run/a.sock"}) {
    const Address address = *Address::Parse(text);
    EXPECT_EQ(FromSocketAddress(*ToSocketAddress(address)), address) << text;
  }
}

TEST(SocketAddress, APathOf107BytesFitsAndALongerOneDoesNot) {
  const Address longest = Address::Unix(std::string(107, 'x'));
  EXPECT_EQ(FromSocketAddress(*ToSocketAddress(longest)), longest);
  EXPECT_EQ(ToSocketAddress(Address::Unix(std::string(108, 'x'))).error().code,
            ErrorCode::kInvalidOption);
  EXPECT_EQ(ToSocketAddress(Address::Unix("")).error().code, ErrorCode::kInvalidOption);
}

TEST(SocketAddress, AnUnnamedUnixSocketHasAnEmptyPath) {
  SocketAddress unnamed;
  unnamed.storage.ss_family = AF_UNIX;
  unnamed.length = sizeof(sa_family_t);
  EXPECT_EQ(FromSocketAddress(unnamed), Address::Unix(""));
}

TEST(SocketAddress, AnUnknownFamilyAndABadDescriptorAreTheNullAddress) {
  SocketAddress unknown;
  unknown.storage.ss_family = AF_NETLINK;
  EXPECT_EQ(FromSocketAddress(unknown), Address());
  EXPECT_EQ(LocalAddressOf(-1), Address());
}

TEST(SystemError, NamesWhatWasDoneToWhatAndWhy) {
  EXPECT_EQ(DescribeErrno(ENOENT, "open", "/x"), "open /x: No such file or directory");
  EXPECT_EQ(DescribeErrno(EMFILE, "socket"), "socket: Too many open files");
  EXPECT_EQ(DescribeErrno(99'999, "odd"), "odd: unknown error");
}

TEST(SystemError, MapsWhatCallersTellApart) {
  EXPECT_EQ(CodeOf(EADDRINUSE), ErrorCode::kAddressInUse);
  EXPECT_EQ(CodeOf(EACCES), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(ENFILE), ErrorCode::kOutOfDescriptors);
  EXPECT_EQ(CodeOf(ENOENT), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(EPIPE), ErrorCode::kConnectionReset);
  EXPECT_EQ(CodeOf(ECONNREFUSED), ErrorCode::kConnectFailed);
  EXPECT_EQ(CodeOf(ETIMEDOUT), ErrorCode::kTimeout);
  EXPECT_EQ(CodeOf(ENOSPC), ErrorCode::kInputOutput);
}

}  // namespace
}  // namespace sluice::platform
