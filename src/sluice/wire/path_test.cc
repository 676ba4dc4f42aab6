#include "sluice/wire/path.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

using namespace std::string_literals;

TEST(NormalizePath, GivesOneFormToPathsThatMeanTheSame) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/%70ay", "/pay"},
      {"/%50%41Y/%7euser", "/PAY/~user"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/b/..", "/a/"},
      {"/a/b/.", "/a/b/"},
      {"/..", "/"},
      {"/../../a", "/a"},
      {"/.", "/"},
      {"/a/b/../../..", "/"},
      {"/a//../b", "/a/b"},
      {"/a//b", "/a//b"},
      {"//a", "//a"},
      {"/a%3fb%c3%a4", "/a%3Fb%C3%A4"},
      {"/a%20b", "/a%20b"},
      {"/a%252fb", "/a%252fb"},
      {"/.well-known/x", "/.well-known/x"},
      {"/...", "/..."},
      {"/..a/.b", "/..a/.b"},
      {"/a;v=1/..;x/b", "/a;v=1/..;x/b"},
      {"/", "/"},
      {"*", "*"},
      {"/a%0Ab", "/a%0Ab"},
  };
  for (const auto& [path, normal] : cases) {
    std::string scratch;
    const Result<std::string_view> result = NormalizePath(path, scratch);
    ASSERT_TRUE(result.has_value()) << path;
    EXPECT_EQ(*result, normal) << path;
    std::string again;
    EXPECT_EQ(*NormalizePath(normal, again), normal) << path;
  }
}

TEST(NormalizePath, ReturnsANormalPathItself) {
  std::string scratch;
  for (const std::string_view path : {"/api/v1/orders/42", "/a/.well-known", "/a%20b", "*"}) {
    EXPECT_EQ(NormalizePath(path, scratch)->data(), path.data());
  }
}

TEST(NormalizePath, RefusesWhatCouldBeReadTwoWays) {
  for (const std::string& path :
       {"/a%2Fb"s, "/a%2fb"s, "/a%5Cb"s, "/a%5cb"s, "/a%00b"s, "/a%"s,   "/a%4"s, "/a%zz"s,
        "/a%4gb"s, "/a\\b"s,  "/a b"s,   "/a\tb"s,  "/a\0b"s,  "/a?b"s,  "/a#b"s, "/\xc3\xa4"s,
        "/\x7f"s,  ""s,       "a"s,      "%2Fa"s,   "*a"s,     "/%2e\\"s}) {
    std::string scratch;
    const Result<std::string_view> result = NormalizePath(path, scratch);
    ASSERT_FALSE(result.has_value()) << path;
    EXPECT_EQ(result.error().code, ErrorCode::kBadRequest);
    EXPECT_EQ(result.error().side, Side::kClient);
  }
}

}  // namespace
}  // namespace sluice::wire
