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

TEST_F(RequestKey, SeveralFieldsOfOneNameAreOneValueInTheirOrder) {
  const std::vector<RateKeyPart> key = {{.kind = RateKeyKind::kHeader, .name = "x-user-id"}};
  head_.headers.Add("X-User-Id", "ann");
  const std::uint64_t one = HashOf(key);
  head_.headers.Add("x-other", "x");
  EXPECT_EQ(HashOf(key), one);
  head_.headers.Add("x-user-id", "bob");
  const std::uint64_t both = HashOf(key);
  EXPECT_NE(both, one);
  EXPECT_EQ(both, OverrideKeyHash(key, "ann, bob", hasher_));
}

TEST_F(RequestKey, TheCostIsTheFieldsNumberWithinItsBounds) {
  const auto cost_of = [](std::string_view text) {
    wire::RequestHead head;
    head.headers.Add("X-Cost", text);
    return CostOf("x-cost", head, /*most=*/50);
  };
  EXPECT_EQ(CostOf("x-cost", head_, 50), 1U);
  EXPECT_EQ(cost_of("1"), 1U);
  EXPECT_EQ(cost_of("7"), 7U);
  EXPECT_EQ(cost_of("007"), 7U);
  EXPECT_EQ(cost_of("50"), 50U);
  EXPECT_EQ(cost_of("51"), 50U);
  EXPECT_EQ(cost_of("0"), 1U);
}

TEST_F(RequestKey, ACostThatIsNoNumberIsTheMost) {
  for (const std::string_view text :
       {"", "-1", "+3", "1.5", "0x10", "3 ", "many", "99999999999999999999", "1, 1"}) {
    wire::RequestHead head;
    head.headers.Add("X-Cost", text);
    EXPECT_EQ(CostOf("x-cost", head, /*most=*/50), 50U) << text;
  }
  head_.headers.Add("x-cost", "1");
  head_.headers.Add("X-Cost", "1");
  EXPECT_EQ(CostOf("x-cost", head_, 50), 50U);
}

TEST_F(RequestKey, TheTextForPeopleHidesSecrets) {
  const auto text_of = [this](const std::vector<RateKeyPart>& key) {
    return KeyText(key, {head_, client_, captures_, "/"}, hasher_);
  };
  head_.headers.Add("x-user-id", "ann\t\xc3\xa9");
  head_.headers.Add("authorization", "Bearer abc");
  head_.headers.Add("x-api-key", "abc");
  head_.headers.Add("cookie", "sid=abc");
  const RateKeyPart user{.kind = RateKeyKind::kHeader, .name = "x-user-id"};
  const RateKeyPart cookie{.kind = RateKeyKind::kCookie, .name = "sid"};
  const RateKeyPart api_key{.kind = RateKeyKind::kHeader, .name = "x-api-key"};
  EXPECT_EQ(text_of({{.kind = RateKeyKind::kIp}, user}), "192.0.2.7|ann???");
  EXPECT_EQ(text_of({{.kind = RateKeyKind::kGeneric, .name = "all"}}), "all");
  EXPECT_EQ(text_of({{.kind = RateKeyKind::kHeader, .name = "x-none"}}), "");
  const std::string hidden = text_of({cookie});
  EXPECT_EQ(hidden.size(), 9U);
  EXPECT_EQ(hidden.find("abc"), std::string::npos);
  EXPECT_EQ(text_of({api_key}), hidden);  // The same value, the same digits.
  EXPECT_NE(text_of({{.kind = RateKeyKind::kHeader, .name = "authorization"}}), hidden);
}

}  // namespace
}  // namespace sluice::gateway
