#include "sluice/gateway/flows/text_template.h"

#include <string>

#include <gtest/gtest.h>

#include "sluice/gateway/flows/scope_fixture.h"
#include "sluice/wire/path.h"

namespace sluice::gateway::flows {
namespace {

std::string Problem(std::string_view text) {
  const auto parsed = TextTemplate::Parse(text);
  return parsed ? "none" : parsed.error();
}

template <typename Render>
std::string Rendered(std::string_view text, FixedScope scope, Render render) {
  const auto parsed = TextTemplate::Parse(text);
  if (!parsed) return "template: " + parsed.error();
  std::string out;
  const auto done = render(*parsed, scope, out);
  if (!done) {
    EXPECT_FALSE(done.error().detail.empty());
    return "error: " + done.error().detail;
  }
  return out;
}

std::string Path(std::string_view text, FixedScope scope) {
  return Rendered(text, std::move(scope), &RenderPath);
}
std::string Query(std::string_view text, FixedScope scope) {
  return Rendered(text, std::move(scope), &RenderQueryValue);
}
std::string Header(std::string_view text, FixedScope scope) {
  return Rendered(text, std::move(scope), &RenderHeader);
}
std::string InString(std::string_view text, FixedScope scope) {
  return Rendered(text, std::move(scope), &RenderInString);
}

FixedScope Of(std::string value) {
  FixedScope scope;
  scope.Text("request.query.v", std::move(value));
  return scope;
}
FixedScope Body(std::string json) {
  FixedScope scope;
  scope.Json("a.body", std::move(json));
  return scope;
}

TEST(TextTemplate, ReadsLiteralsAndPlaceholders) {
  const auto parsed = TextTemplate::Parse("/a/{{request.query.v}}/{{ user.body/id ?? 1 }}");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->parts().size(), 2U);
  EXPECT_EQ(parsed->parts()[0].literal, "/a/");
  EXPECT_EQ(parsed->parts()[1].placeholder->fallback, "1");
  EXPECT_EQ(parsed->lone(), nullptr);
  EXPECT_NE(TextTemplate::Parse("{{item}}")->lone(), nullptr);
  EXPECT_FALSE(TextTemplate::Parse("plain }} text")->has_placeholders());
  EXPECT_TRUE(TextTemplate::Parse("")->parts().empty());
}

TEST(TextTemplate, ADefaultMayHoldBraces) {
  EXPECT_EQ(InString(R"({{request.query.none ?? "a}}b\"}}"}}!)", Of("")), R"(a}}b\"}}!)");
}

TEST(TextTemplate, SaysWhatIsWrong) {
  EXPECT_EQ(Problem("{{user.body"), "has \"{{\" without \"}}\"");
  EXPECT_EQ(Problem("{{user.body ?? gold}}"),
            "the default gold must be JSON; write a text in double quotes");
  EXPECT_TRUE(Problem("{{}}").starts_with("\"\" is no reference"));
  EXPECT_TRUE(Problem("{{user}}").starts_with("\"user\" is no reference; write request.method"));
}

TEST(TextTemplate, APathValueStaysInItsSegment) {
  EXPECT_EQ(Path("/u/{{request.query.v}}/x", Of("a b?c#d&é%")), "/u/a%20b%3Fc%23d%26%C3%A9%25/x");
  EXPECT_EQ(Path("/u/{{request.query.v}}", Of("../admin")),
            "error: request.query.v has a character that no path segment may have");
  EXPECT_EQ(Path("/u/{{request.query.v}}", Of("a\\b")),
            "error: request.query.v has a character that no path segment may have");
  EXPECT_EQ(Path("/u/{{request.query.v}}", Of(std::string("a\0b", 3))),
            "error: request.query.v has a character that no path segment may have");
  for (const char* dots : {"..", ".", ""}) {
    EXPECT_EQ(Path("/u/{{request.query.v}}/x", Of(dots)),
              "error: request.query.v makes a path segment empty, \".\" or \"..\"");
    EXPECT_EQ(Path("/u/{{request.query.v}}", Of(dots)),
              "error: request.query.v makes a path segment empty, \".\" or \"..\"");
    EXPECT_EQ(Path("/u/{{request.query.v}}?q=1", Of(dots)),
              "error: request.query.v makes a path segment empty, \".\" or \"..\"");
  }
  EXPECT_EQ(Path("/u/.{{request.query.v}}", Of(".")),
            "error: request.query.v makes a path segment empty, \".\" or \"..\"");
  EXPECT_EQ(Path("/u/..{{request.query.v}}", Of("x")), "/u/..x");
}

TEST(TextTemplate, WhatAPathBecomesIsNormal) {
  for (int byte = 1; byte < 256; ++byte) {
    const std::string value = "x" + std::string(1, static_cast<char>(byte));
    const std::string path = Path("/u/{{request.query.v}}/e", Of(value));
    if (path.starts_with("error")) continue;
    std::string scratch;
    const Result<std::string_view> normal = wire::NormalizePath(path, scratch);
    ASSERT_TRUE(normal) << path;
    EXPECT_EQ(*normal, path);
  }
}

TEST(TextTemplate, BehindTheQuestionMarkValuesAreFormEncoded) {
  EXPECT_EQ(Path("/s?q={{request.query.v}}&n=1", Of("a b&c=d/../é")),
            "/s?q=a+b%26c%3Dd%2F..%2F%C3%A9&n=1");
  EXPECT_EQ(Path("/s?q={{request.query.v}}", Of("")), "/s?q=");
  EXPECT_EQ(Query("{{request.query.v}}", Of("a&b=c+d e")), "a%26b%3Dc%2Bd+e");
  EXPECT_EQ(Query("x {{request.query.v}}", Of("\r\n")), "x+%0D%0A");
}

TEST(TextTemplate, AHeaderTakesNoControlCharacters) {
  EXPECT_EQ(Header("Bearer {{request.query.v}}", Of("abc")), "Bearer abc");
  for (const char* bad : {"a\r\nx-evil: 1", "a\n", "\x01", "a\x7f"}) {
    EXPECT_EQ(Header("{{request.query.v}}", Of(bad)),
              "error: request.query.v has a control character");
  }
  EXPECT_EQ(Header("{{a.body}}", Body(R"("x\r\ny: z")")), "error: a.body has a control character");
}

TEST(TextTemplate, AStringKeepsItsQuotes) {
  EXPECT_EQ(InString(R"(hi {{request.query.v}})", Of("\",\"admin\":\"")), R"(hi \",\"admin\":\")");
  EXPECT_EQ(InString("{{a.body/x}}", Body(R"({"x":"a\"b\u0000"})")), R"(a\"b\u0000)");
  EXPECT_EQ(InString("n {{a.body/x}}", Body(R"({"x":1.50})")), "n 1.50");
  EXPECT_EQ(InString("b {{a.body/x}}", Body(R"({"x":true})")), "b true");
  EXPECT_EQ(InString("{{request.query.v}}", Of("\xff")), "\xEF\xBF\xBD");
}

TEST(TextTemplate, WhatIsMissingIsAnErrorOrItsDefault) {
  EXPECT_EQ(Path("/u/{{a.body/x}}", Body("{}")), "error: a.body/x is missing");
  EXPECT_EQ(Path("/u/{{a.body/x}}", Body(R"({"x":null})")), "error: a.body/x is missing");
  EXPECT_EQ(Path("/u/{{a.body/x ?? 7}}", Body(R"({"x":null})")), "/u/7");
  EXPECT_EQ(Path("/u/{{a.body/x ?? \"a b\"}}", Body("{}")), "/u/a%20b");
  EXPECT_EQ(Header("x{{a.body/x}}", Body("{}")), "error: a.body/x is missing");
}

TEST(TextTemplate, ALonePlaceholderWithoutAValueLeavesItsEntryOut) {
  const auto lone = TextTemplate::Parse("{{a.body/x}}");
  FixedScope scope = Body("{}");
  std::string out;
  EXPECT_EQ(RenderHeader(*lone, scope, out).value_or(true), false);
  EXPECT_EQ(RenderQueryValue(*lone, scope, out).value_or(true), false);
  EXPECT_EQ(out, "");
}

TEST(TextTemplate, StructuresAreNoText) {
  EXPECT_EQ(Path("/u/{{a.body}}", Body("[1]")), "error: a.body is no text or number");
  EXPECT_EQ(InString("x {{a.body}}", Body("{}")), "error: a.body is no text or number");
}

TEST(TextTemplate, AnErrorIsOfTheSideThatSaidIt) {
  EXPECT_EQ(CannotStand(*Reference::Parse("request.query.v"), "x").side, Side::kClient);
  EXPECT_EQ(CannotStand(*Reference::Parse("request.query.v"), "x").code, ErrorCode::kBadRequest);
  EXPECT_EQ(CannotStand(*Reference::Parse("a.body"), "x").side, Side::kUpstream);
  EXPECT_EQ(CannotStand(*Reference::Parse("a.body"), "x").code, ErrorCode::kBadResponse);
}

}  // namespace
}  // namespace sluice::gateway::flows
