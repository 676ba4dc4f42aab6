#include "sluice/gateway/flows/json_text.h"

#include <random>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::gateway::flows {
namespace {

std::string Found(std::string_view json, std::string_view pointer) {
  const auto parsed = JsonPointer::Parse(pointer);
  if (!parsed) return "bad pointer: " + parsed.error();
  const auto found = FindJson(json, *parsed);
  return found ? std::string(*found) : "nothing";
}

std::string Content(std::string_view json) {
  std::string out;
  AppendJsonContent(json, out);
  return out;
}

TEST(JsonText, ATextIsJsonOnlyAsAWhole) {
  EXPECT_TRUE(IsJson(" {\"a\": [1, true, null]} "));
  EXPECT_TRUE(IsJson("5"));
  EXPECT_FALSE(IsJson(""));
  EXPECT_FALSE(IsJson("{} {}"));
  EXPECT_FALSE(IsJson("{'a':1}"));
  EXPECT_FALSE(IsJson("[1,]"));
  EXPECT_FALSE(IsJson("\"\xff\""));
  EXPECT_FALSE(IsJson("NaN"));
}

TEST(JsonText, NothingHidesBehindANulOrAByteOrderMark) {
  EXPECT_FALSE(IsJson(std::string_view("1\0,\"role\":\"admin\"", 17)));
  EXPECT_FALSE(IsJson(std::string_view("1\0", 2)));
  EXPECT_FALSE(IsJson("\xEF\xBB\xBF{}"));
}

TEST(JsonText, DepthCostsNoStack) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_TRUE(IsJson(deep));
  EXPECT_EQ(Found(deep, "/0/0").size(), deep.size() - 4);
}

TEST(JsonText, APointerLeadsToThePartAsItWasWritten) {
  constexpr std::string_view kJson =
      R"( {"a": {"b c": [10, 1.50, {"d":"x"}] }, "": 7, "n":12345678901234567890123, "/": "s"} )";
  EXPECT_EQ(Found(kJson, "/a/b%20c/1"), "1.50");
  EXPECT_EQ(Found(kJson, "/a/b%20c/2"), R"({"d":"x"})");
  EXPECT_EQ(Found(kJson, "/a/b%20c/2/d"), R"("x")");
  EXPECT_EQ(Found(kJson, "/"), "7");
  EXPECT_EQ(Found(kJson, "/n"), "12345678901234567890123");
  EXPECT_EQ(Found(kJson, "/~1"), R"("s")");
  EXPECT_EQ(Found("  [] ", ""), "[]");
}

TEST(JsonText, APointerMayLeadNowhere) {
  constexpr std::string_view kJson = R"({"a":[1,2],"s":"text"})";
  for (const char* pointer : {"/b", "/a/2", "/a/-", "/a/01", "/a/x", "/s/0", "/a/0/0"}) {
    EXPECT_EQ(Found(kJson, pointer), "nothing") << pointer;
  }
}

TEST(JsonText, ABadPointerIsRefused) {
  EXPECT_EQ(Found("1", "a"), "bad pointer: must begin with /");
  EXPECT_EQ(Found("1", "/~2"), "bad pointer: has ~ without 0 or 1 behind it; write ~ as ~0");
  EXPECT_EQ(Found("1", "/%4"), "bad pointer: has % without two hexadecimal digits; write % as %25");
}

TEST(JsonText, OfMembersWithOneNameTheLastCounts) {
  EXPECT_EQ(Found(R"({"a":1,"b":2,"a":3})", "/a"), "3");
  EXPECT_EQ(Found(R"({"a":1,"\u0061":4})", "/a"), "4");
}

TEST(JsonText, ContentIsDecoded) {
  EXPECT_EQ(Content(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(Content(R"("\u00e9\u20ac\ud83d\ude00")"), "é€😀");
  EXPECT_EQ(Content(R"("\ud83dx\udc00")"), "\xEF\xBF\xBDx\xEF\xBF\xBD");
}

TEST(JsonText, AWordIsWhatItLooksLike) {
  EXPECT_EQ(JsonOfWord("5"), "5");
  EXPECT_EQ(JsonOfWord("-1.5e3"), "-1.5e3");
  EXPECT_EQ(JsonOfWord("true"), "true");
  EXPECT_EQ(JsonOfWord("null"), "null");
  EXPECT_EQ(JsonOfWord("yes"), "\"yes\"");
  EXPECT_EQ(JsonOfWord("0x10"), "\"0x10\"");
  EXPECT_EQ(JsonOfWord("[]"), "\"[]\"");
  EXPECT_EQ(JsonOfWord(""), "\"\"");
}

nlohmann::json RandomJson(std::mt19937& random, int depth) {
  const std::size_t kind = random() % (depth > 0 ? 6U : 4U);
  switch (kind) {
    case 0:
      return random() % 1000;
    case 1:
      return std::string(random() % 4, 'q') + "\"\\\n\xC3\xA9";
    case 2:
      return nullptr;
    case 3:
      return random() % 2 == 0;
    case 4: {
      nlohmann::json list = nlohmann::json::array();
      for (std::size_t i = random() % 4; i > 0; --i)
        list.push_back(RandomJson(random, depth - 1));
      return list;
    }
    default: {
      nlohmann::json object = nlohmann::json::object();
      for (std::size_t i = random() % 4; i > 0; --i)
        object[std::string(1, static_cast<char>('a' + random() % 3))] =
            RandomJson(random, depth - 1);
      return object;
    }
  }
}

// Every part of random documents, against a library that builds trees.
TEST(JsonText, FindsWhatATreeWouldHave) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  for (int i = 0; i < 500; ++i) {
    const nlohmann::json tree = RandomJson(random, 4);
    const std::string text = tree.dump(random() % 2 == 0 ? -1 : 2);
    const nlohmann::json flat = tree.flatten();
    if (!flat.is_object()) continue;
    for (const auto& [pointer, value] : flat.items()) {
      const std::string found = Found(text, pointer);
      ASSERT_NE(found, "nothing") << "seed " << kSeed << ": " << pointer << " in " << text;
      EXPECT_EQ(nlohmann::json::parse(found), tree.at(nlohmann::json::json_pointer(pointer)));
      if (value.is_string()) {
        EXPECT_EQ(Content(found), value.get<std::string>());
      }
    }
  }
}

}  // namespace
}  // namespace sluice::gateway::flows
