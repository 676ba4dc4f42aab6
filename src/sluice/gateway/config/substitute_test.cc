#include "sluice/gateway/config/substitute.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::gateway::config {
namespace {

std::optional<std::string> Lookup(const std::string& name) {
  if (name == "PORT") return "8080";
  if (name == "EMPTY") return "";
  if (name == "TRICKY") return "${PORT}";
  return std::nullopt;
}

// The text, or "error: …".
std::string Substituted(std::string_view text) {
  const auto result = Substitute(text, Lookup);
  return result ? *result : "error: " + result.error();
}

TEST(Substitute, PutsVariablesIn) {
  EXPECT_EQ(Substituted("127.0.0.1:${PORT}"), "127.0.0.1:8080");
  EXPECT_EQ(Substituted("${PORT}${PORT}"), "80808080");
  EXPECT_EQ(Substituted("<${EMPTY}>"), "<>");
}

TEST(Substitute, TakesTheDefaultOfWhatIsUnsetOrEmpty) {
  EXPECT_EQ(Substituted("${HOST:-localhost}"), "localhost");
  EXPECT_EQ(Substituted("${EMPTY:-x}"), "x");
  EXPECT_EQ(Substituted("${HOST:-}"), "");
  EXPECT_EQ(Substituted("${PORT:-1}"), "8080");
}

TEST(Substitute, DoesNotLookAtReplacedTextAgain) {
  EXPECT_EQ(Substituted("${TRICKY}"), "${PORT}");
}

TEST(Substitute, LeavesOtherDollarsAlone) {
  EXPECT_EQ(Substituted("^a$ $x $$ 5$"), "^a$ $x $$ 5$");
  EXPECT_EQ(Substituted("$${PORT}"), "${PORT}");
}

TEST(Substitute, SaysWhatIsMissing) {
  EXPECT_EQ(Substituted("${HOST}"),
            "error: needs the environment variable HOST, which is not set; set it or write "
            "${HOST:-default}");
}

TEST(Substitute, SaysWhatIsMisspelt) {
  const std::string advice =
      "error: must name a variable as in ${NAME} or ${NAME:-default}; write $${ for the characters "
      "themselves";
  EXPECT_EQ(Substituted("${}"), advice);
  EXPECT_EQ(Substituted("${1A}"), advice);
  EXPECT_EQ(Substituted("${A B}"), advice);
  EXPECT_EQ(Substituted("${PORT"),
            "error: must close ${ with }; write $${ for the characters themselves");
}

TEST(Substitute, WithoutAnEnvironmentNothingIsSet) {
  const auto result = Substitute("${PORT:-1}", {});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, "1");
}

TEST(Substitute, EscapingIsUndone) {
  for (const std::string text : {"${PORT}", "$${PORT}", "$$${", "a$", "${", "$"})
    EXPECT_EQ(Substituted(EscapeReferences(text)), text);
}

}  // namespace
}  // namespace sluice::gateway::config
