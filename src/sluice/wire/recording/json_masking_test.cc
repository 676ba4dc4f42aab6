#include "sluice/wire/recording/json_masking.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sluice/wire/recording/masked_text.h"

namespace sluice::wire::recording {
namespace {

using testing::HasSubstr;
using testing::Not;

const KeyedHash kHash(KeyedHash::Key{7});

std::string Masked(std::string text,
                   const std::vector<std::string>& paths,
                   const std::vector<std::string>& names = {}) {
  const FieldNames fields = *FieldNames::Create(names, paths);
  MaskJson(text, fields, kHash);
  return text;
}

std::string MaskOf(std::string_view value) {
  std::string out;
  AppendMasked(value, kHash, out);
  return out;
}

TEST(MaskJson, MasksAMemberAndKeepsTheBytesAround) {
  EXPECT_EQ(
      Masked("{ \"user\": {\"name\" : \"ann\", \"pin\":1234 }, \"n\":[1, 2]}", {"$.user.name"}),
      "{ \"user\": {\"name\" : \"" + MaskOf("ann") + "\", \"pin\":1234 }, \"n\":[1, 2]}");
}

TEST(MaskJson, ANumberBecomesAString) {
  EXPECT_EQ(Masked("{\"pin\":1234}", {"$.pin"}), "{\"pin\":\"" + MaskOf("1234") + "\"}");
}

TEST(MaskJson, FollowsEachKindOfStep) {
  const std::string text =
      R"({"items":[{"id":1,"t":"a"},{"id":2,"t":"b"}],"x":{"t":"c","deep":{"t":"d"}}})";
  EXPECT_THAT(Masked(text, {"$.items[*].t"}),
              AllOf(Not(HasSubstr("\"a\"")), Not(HasSubstr("\"b\"")), HasSubstr("\"c\"")));
  EXPECT_THAT(Masked(text, {"$.items[1].t"}), AllOf(HasSubstr("\"a\""), Not(HasSubstr("\"b\""))));
  EXPECT_THAT(Masked(text, {"$..t"}), AllOf(Not(HasSubstr("\"a\"")), Not(HasSubstr("\"d\""))));
  EXPECT_THAT(Masked(text, {"$.x.*"}), AllOf(Not(HasSubstr("\"c\"")), Not(HasSubstr("\"d\""))));
  EXPECT_THAT(Masked(text, {"$.x..t"}), AllOf(HasSubstr("\"a\""), Not(HasSubstr("\"d\""))));
  EXPECT_EQ(Masked(text, {"$.t"}), text);
  EXPECT_THAT(Masked("[[\"k\"],[\"l\"]]", {"$[1][0]"}),
              AllOf(HasSubstr("\"k\""), Not(HasSubstr("\"l\""))));
}

TEST(MaskJson, AWholeContainerIsMaskedLeafByLeaf) {
  const std::string masked =
      Masked(R"({"card":{"no":"x","y":[1,true,null,{"z":"w"}]},"k":"keep"})", {"$.card"});
  const nlohmann::json document = nlohmann::json::parse(masked);
  EXPECT_EQ(document["card"]["no"], MaskOf("x"));
  EXPECT_EQ(document["card"]["y"][0], MaskOf("1"));
  EXPECT_EQ(document["card"]["y"][1], true);
  EXPECT_EQ(document["card"]["y"][3]["z"], MaskOf("w"));
  EXPECT_EQ(document["k"], "keep");
}

TEST(MaskJson, NamesCountAtAnyDepthWithoutCase) {
  EXPECT_THAT(Masked(R"({"a":[{"PassWord":"s3cret"}]})", {}, {"password"}),
              Not(HasSubstr("s3cret")));
}

TEST(MaskJson, EscapesDoNotHideTheEndOfAString) {
  const std::string masked = Masked(R"({"p":"a\"b\\","q":"keep"})", {"$.p"});
  EXPECT_EQ(masked, "{\"p\":\"" + MaskOf(R"(a\"b\\)") + "\",\"q\":\"keep\"}");
}

TEST(MaskJson, ADocumentThatWasCutHidesNothing) {
  for (const char* text :
       {R"({"p":"secr)", R"({"a":{"p":"secr)", R"({"p":["x","secr)", R"({"p" : "secr\)"}) {
    EXPECT_THAT(Masked(text, {"$..p"}), Not(HasSubstr("secr"))) << text;
  }
}

TEST(MaskJson, ABrokenDocumentHidesNoNamedMember) {
  for (const char* text : {R"(}}{"password":"secret"})", R"({"x":]}, "password":"secret")",
                           R"({"a" "password":"secret")", R"([,,{"password"::"secret"}])"}) {
    EXPECT_THAT(Masked(text, {}, {"password"}), Not(HasSubstr("\"secret\""))) << text;
  }
}

TEST(MaskJson, MasksOnce) {
  const std::string once = Masked(R"({"p":"a","q":{"p":12}})", {"$..p"});
  EXPECT_EQ(Masked(once, {"$..p"}), once);
}

TEST(MaskJson, VeryDeepDocumentsAreMaskedBelowTheBound) {
  std::string text(1000, '[');
  text += "\"secret\"";
  EXPECT_THAT(Masked(text, {"$.unrelated"}), Not(HasSubstr("\"secret\"")));
}

TEST(MaskJson, PathsHoldInEachDocumentOfAStream) {
  EXPECT_EQ(Masked("data: {\"p\":\"a\"}\n\ndata: {\"p\":\"b\"}\n", {"$.p"}),
            "data: {\"p\":\"" + MaskOf("a") + "\"}\n\ndata: {\"p\":\"" + MaskOf("b") + "\"}\n");
}

TEST(LooksLikeJson, LooksBehindWhatMayStandInFront) {
  for (const char* text :
       {"\xef\xbb\xbf{}", ")]}'\n{}", ")]}',\n[1]", "while(1);[1]", "for(;;);{}", "data: {\"a\":1}",
        "data:[1]", ": hello\nevent: x\nid: 5\nretry: 9\ndata: {}\n\n", "data: a\ndata: {}"})
    EXPECT_TRUE(LooksLikeJson(text)) << text;
  for (const char* text : {"\xef\xbb\xbf", ")]}'", "data:", "event: x", "datum: {}"})
    EXPECT_FALSE(LooksLikeJson(text)) << text;
}

TEST(LooksLikeJson, LooksAtTheFirstByte) {
  EXPECT_TRUE(LooksLikeJson(" \n{}"));
  EXPECT_TRUE(LooksLikeJson("[1]"));
  EXPECT_FALSE(LooksLikeJson("<a/>"));
  EXPECT_FALSE(LooksLikeJson("data: text"));
  EXPECT_FALSE(LooksLikeJson("  "));
}

}  // namespace
}  // namespace sluice::wire::recording
