// The four forms of a target, and the methods they go with.

#include "sluice/wire/http1_target.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

RequestHead Split(Method method, std::string_view target) {
  RequestHead head;
  head.method = method;
  head.target = target;
  const Refusal refusal = SplitTarget(head);
  EXPECT_FALSE(refusal) << target << ": " << refusal.rule;
  return head;
}

std::string_view RuleAgainst(Method method, std::string_view target) {
  RequestHead head;
  head.method = method;
  head.target = target;
  return SplitTarget(head).rule;
}

TEST(SplitTarget, SplitsOriginForm) {
  const RequestHead head = Split(Method::kGet, "/a/b?c?d");
  EXPECT_EQ(head.path, "/a/b");
  EXPECT_EQ(head.query, "c?d");
  EXPECT_EQ(head.authority, "");
  EXPECT_EQ(Split(Method::kGet, "//a").path, "//a");
}

TEST(SplitTarget, SplitsAbsoluteForm) {
  const RequestHead head = Split(Method::kGet, "HTTP://[::1]:80/a?b");
  EXPECT_EQ(head.scheme, "http");
  EXPECT_EQ(head.authority, "[::1]:80");
  EXPECT_EQ(head.path, "/a");
  EXPECT_EQ(head.query, "b");
  EXPECT_EQ(Split(Method::kOptions, "http://a").path, "*");
  EXPECT_EQ(Split(Method::kOptions, "http://a/").path, "/");
  EXPECT_EQ(Split(Method::kOptions, "http://a?b").path, "/");
}

TEST(SplitTarget, SplitsAuthorityAndAsteriskForm) {
  EXPECT_EQ(Split(Method::kConnect, "a:443").authority, "a:443");
  EXPECT_EQ(Split(Method::kOptions, "*").path, "*");
}

TEST(SplitTarget, RefusesFormsThatDoNotFitTheMethod) {
  EXPECT_EQ(RuleAgainst(Method::kGet, ""), "the target is empty");
  EXPECT_EQ(RuleAgainst(Method::kGet, "*"), "the target is `*` but the method not OPTIONS");
  EXPECT_EQ(RuleAgainst(Method::kGet, "a:443"), "the target is in none of the four forms");
  EXPECT_EQ(RuleAgainst(Method::kConnect, "/"), "the target of CONNECT is not host:port");
  EXPECT_EQ(RuleAgainst(Method::kConnect, "a"), "the target of CONNECT is not host:port");
  EXPECT_EQ(RuleAgainst(Method::kGet, "ws://a/"),
            "the scheme of the target is neither http nor https");
  EXPECT_EQ(RuleAgainst(Method::kGet, "http://u@a/"),
            "the authority of the target is not host:port");
}

// Each byte alone and amid others, because words of eight bytes are checked at once.
TEST(SplitTarget, RefusesEveryByteThatMayNotBeInATarget) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_allowed = byte > 0x20 && byte < 0x7f && byte != '\\' && byte != '#';
    for (std::string target : {std::string("/"), std::string("/abcdefghijklmnop")}) {
      target.insert((target.size() + 1) / 2, 1, static_cast<char>(byte));
      EXPECT_EQ(RuleAgainst(Method::kGet, target).empty(), is_allowed) << byte;
    }
  }
}

}  // namespace
}  // namespace sluice::wire
