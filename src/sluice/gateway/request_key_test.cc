#include "sluice/gateway/request_key.h"

#include <vector>

#include <gtest/gtest.h>

#include "sluice/traffic/load_balancer.h"

namespace sluice::gateway {
namespace {

using config::RateKeyKind;
using config::RateKeyPart;

class RequestKey : public testing::Test {
 protected:
  std::uint64_t HashOf(const std::vector<RateKeyPart>& key) {
    return RateKeyHash(key, {head_, client_, captures_, "/"}, hasher_);
  }

  wire::RequestHead head_;
  Address client_ = *Address::ParseIp("192.0.2.7");
  PathCaptures captures_;
  limit::KeyHasher hasher_{7, 11};
};

TEST_F(RequestKey, FindsACookieAmongOthers) {
  head_.headers.Add("Cookie", "a=1; session=xyz==; b=2");
  head_.headers.Add("Cookie", "late=yes");
  EXPECT_EQ(CookieValue(head_, "session"), "xyz==");
  EXPECT_EQ(CookieValue(head_, "b"), "2");
  EXPECT_EQ(CookieValue(head_, "late"), "yes");
  EXPECT_EQ(CookieValue(head_, "sess"), "");
}

TEST_F(RequestKey, NoPartsMeanNoKey) {
  EXPECT_EQ(HashOf({}), 0U);
}

TEST_F(RequestKey, ARequestWithoutThePartSharesOneBucket) {
  const std::vector<RateKeyPart> key = {{.kind = RateKeyKind::kHeader, .name = "x-user-id"}};
  const std::uint64_t anonymous = HashOf(key);
  EXPECT_NE(anonymous, 0U);
  head_.headers.Add("x-user-id", "");
  EXPECT_EQ(HashOf(key), anonymous);
}

TEST_F(RequestKey, AnIpv6ClientIsItsNetworkOf64Bits) {
  const std::vector<RateKeyPart> key = {{.kind = RateKeyKind::kIp}};
  client_ = *Address::ParseIp("2001:db8:1:2::1");
  const std::uint64_t first = HashOf(key);
  client_ = *Address::ParseIp("2001:db8:1:2:ffff::9");
  EXPECT_EQ(HashOf(key), first);
  client_ = *Address::ParseIp("2001:db8:1:3::1");
  EXPECT_NE(HashOf(key), first);
}

TEST_F(RequestKey, AnOverrideNamesTheSameKeyAsARequest) {
  head_.headers.Add("x-user-id", "alice");
  const std::vector<RateKeyPart> key = {{.kind = RateKeyKind::kIp},
                                        {.kind = RateKeyKind::kHeader, .name = "x-user-id"},
                                        {.kind = RateKeyKind::kGeneric, .name = "search"}};
  EXPECT_EQ(OverrideKeyHash(key, "192.0.2.7|alice|search", hasher_), HashOf(key));
  EXPECT_FALSE(OverrideKeyHash(key, "192.0.2.7|alice", hasher_).has_value());
  EXPECT_FALSE(OverrideKeyHash(key, "nobody|alice|search", hasher_).has_value());
  EXPECT_FALSE(OverrideKeyHash({}, "x", hasher_).has_value());
}

TEST_F(RequestKey, TheRingIsAskedByWhatIsConfigured) {
  head_.headers.Add("x-user-id", "alice");
  const KeySource source{head_, client_, captures_, "/a"};
  const std::uint64_t by_header =
      BalanceHash({.kind = config::HashOnKind::kHeader, .name = "x-user-id"}, source);
  const std::uint64_t by_path = BalanceHash({.kind = config::HashOnKind::kPath}, source);
  EXPECT_NE(by_header, by_path);
  EXPECT_EQ(by_path, traffic::HashKey("/a"));
}

}  // namespace
}  // namespace sluice::gateway
