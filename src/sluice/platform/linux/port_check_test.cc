#include "sluice/platform/linux/port_check.h"

#include <memory>

#include <gtest/gtest.h>

#include "sluice/platform/linux/loop.h"

namespace sluice::platform {
namespace {

TEST(PortCheck, APortThatOthersShareIsInUse) {
  const std::unique_ptr<EpollLoop> loop = *EpollLoop::Create();
  const Result<std::unique_ptr<Listener>> listener =
      loop->Listen(*Address::Parse("127.0.0.1:0"), {.share_port = true});
  ASSERT_TRUE(listener.has_value());
  const Result<void> checked = CheckPortIsFree((*listener)->local());
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, ErrorCode::kAddressInUse);
}

TEST(PortCheck, APortIsFreeOnceItsListenerIsGone) {
  const std::unique_ptr<EpollLoop> loop = *EpollLoop::Create();
  Address address;
  {
    const Result<std::unique_ptr<Listener>> listener =
        loop->Listen(*Address::Parse("127.0.0.1:0"), {});
    ASSERT_TRUE(listener.has_value());
    address = (*listener)->local();
  }
  EXPECT_TRUE(CheckPortIsFree(address).has_value());
}

TEST(PortCheck, AnyPortAndUnixAddressesAreFree) {
  EXPECT_TRUE(CheckPortIsFree(*Address::Parse("127.0.0.1:0")).has_value());
  EXPECT_TRUE(CheckPortIsFree(Address::Unix("/nowhere/at/all")).has_value());
}

}  // namespace
}  // namespace sluice::platform
