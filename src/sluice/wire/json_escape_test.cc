#include "sluice/wire/json_escape.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

using namespace std::string_literals;

std::string Json(std::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

TEST(AppendJsonString, EscapesWhatJsonMust) {
  EXPECT_EQ(Json(""), "\"\"");
  EXPECT_EQ(Json("plain /text"), "\"plain /text\"");
  EXPECT_EQ(Json("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(Json("\r\n\t"), "\"\\r\\n\\t\"");
  EXPECT_EQ(Json("\0\x1f\x7f"s), "\"\\u0000\\u001f\\u007f\"");
}

TEST(AppendJsonString, KeepsUtf8) {
  const std::string text = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xf4\x8f\xbf\xbf";
  EXPECT_EQ(Json(text), "\"" + text + "\"");
}

TEST(AppendJsonString, ReplacesWhatIsNotUtf8) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(Json("a\xff"
                 "b"),
            "\"a" + r + "b\"");
  EXPECT_EQ(Json("\x80"), "\"" + r + "\"");
  EXPECT_EQ(Json("\xc3"), "\"" + r + "\"");
  EXPECT_EQ(Json("\xc3\""), "\"" + r + "\\\"\"");
  EXPECT_EQ(Json("\xe2\x82"), "\"" + r + "\"");
  EXPECT_EQ(Json("\xc0\xaf"), "\"" + r + r + "\"");
  EXPECT_EQ(Json("\xe0\x80\x80"), "\"" + r + r + r + "\"");
  EXPECT_EQ(Json("\xed\xa0\x80"), "\"" + r + r + r + "\"");
  EXPECT_EQ(Json("\xf0\x80\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(Json("\xf4\x90\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(Json("\xf0\x9f\x98x"), "\"" + r + "x\"");
}

TEST(AppendJsonEscaped, HasNoQuotesAround) {
  std::string out = "x";
  AppendJsonEscaped("a\"", out);
  EXPECT_EQ(out, "xa\\\"");
}

TEST(IsPlainJson, HoldsForTextThatEscapingLeavesAlone) {
  // Every byte, alone and at each place of a text of two words.
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < 16; ++at) {
      std::string text = "abcdefghijklmnop";
      text[at] = static_cast<char>(byte);
      std::string escaped;
      AppendJsonEscaped(text, escaped);
      const bool is_ascii = byte < 0x80;  // Good UTF-8 stays as it is, but is not called plain.
      EXPECT_EQ(IsPlainJson(text), is_ascii && escaped == text) << byte << " at " << at;
      EXPECT_EQ(IsPlainJson(text.substr(at, 1)), IsPlainJson(text)) << byte;
    }
  }
  EXPECT_TRUE(IsPlainJson(""));
}

}  // namespace
}  // namespace sluice::wire
