#include "sluice/gateway/config/text_tree.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/load.h"

namespace sluice::gateway::config {
namespace {

std::string Repeated(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i)
    repeated += text;
  return repeated;
}

// "line:column: text", or "" when the text is read.
std::string ProblemOf(std::string_view text) {
  const auto tree = ReadTextTree(text);
  if (tree) return {};
  return fmt::format("{}:{}: {}", tree.error().mark.line, tree.error().mark.column,
                     tree.error().text);
}

// The value of the only key of a mapping.
std::string OnlyValue(std::string_view text) {
  const auto tree = ReadTextTree(text);
  if (!tree) return tree.error().text;
  const TextNode& root = (*tree)[tree->root];
  if (root.kind != TextNode::Kind::kMap || root.items.size() != 2) return "no mapping of one";
  return (*tree)[root.items[1]].text;
}

TEST(TextTree, KeepsWordsThatYamlWouldGuessAt) {
  for (const std::string word : {"off", "yes", "0x10", "1.0", "2001-01-01", "true"})
    EXPECT_EQ(OnlyValue("a: " + word), word);
}

TEST(TextTree, MarksCountFromOne) {
  const auto tree = ReadTextTree("a:\n  - x\n  -   y\n");
  ASSERT_TRUE(tree.has_value());
  const TextNode& list = (*tree)[(*tree)[tree->root].items[1]];
  EXPECT_EQ((*tree)[list.items[0]].mark, (Mark{2, 5}));
  EXPECT_EQ((*tree)[list.items[1]].mark, (Mark{3, 7}));
}

TEST(TextTree, AnEmptyValueStandsWhereItsKeyDoes) {
  const auto tree = ReadTextTree("a: 1\nb:\n\n\n\nc: 2\n");
  ASSERT_TRUE(tree.has_value());
  const TextNode& value = (*tree)[(*tree)[tree->root].items[3]];
  EXPECT_EQ(value.kind, TextNode::Kind::kNull);
  EXPECT_EQ(value.mark, (Mark{2, 1}));
}

TEST(TextTree, ReadsJsonWithDuplicateKeysKept) {
  const auto tree = ReadTextTree("{\"a\":1,\n\"a\" : [true, null]}");
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ((*tree)[tree->root].items.size(), 4U);
}

TEST(TextTree, JsonEscapesOfEmojisAreRead) {
  EXPECT_EQ(OnlyValue(R"({"a": "x\ud83d\ude00y"})"), "x😀y");
  EXPECT_EQ(OnlyValue(R"({"a": "\\ud83d\\ude00"})"), R"(\ud83d\ude00)");
  EXPECT_EQ(OnlyValue(R"({"a": "\u00e4\/"})"), "ä/");
}

TEST(TextTree, AnAliasIsItsAnchorOnceMore) {
  const auto tree = ReadTextTree("a: &x [1, 2]\nb: *x\n");
  ASSERT_TRUE(tree.has_value());
  const TextNode& root = (*tree)[tree->root];
  EXPECT_EQ(root.items[1], root.items[3]);
}

TEST(TextTree, AliasesCountAsOftenAsTheyAreUsed) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    laughs += fmt::format("a{0}: &a{0} [{1}*a{2}]\n", i, Repeated(fmt::format("*a{}, ", i - 1), 9),
                          i - 1);
  }
  EXPECT_EQ(ProblemOf(laughs),
            "6:15: must have at most 200000 values, what aliases repeat included");
}

TEST(TextTree, AliasesThatNestAreAsDeepAsTheyRead) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 80; ++i)
    text += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_EQ(ProblemOf(text), "63:6: must be nested at most 64 deep");
}

TEST(TextTree, AnAliasInsideItsAnchorIsRefused) {
  EXPECT_EQ(ProblemOf("a: &a [*a]"), "1:8: an alias must not stand inside what it repeats");
}

TEST(TextTree, DepthIsBounded) {
  EXPECT_EQ(ProblemOf(Repeated("[", 64) + Repeated("]", 64)), "");
  EXPECT_EQ(ProblemOf(Repeated("[", 65) + Repeated("]", 65)),
            "1:65: must be nested at most 64 deep");
  EXPECT_TRUE(ProblemOf(Repeated("- ", 100'000)).ends_with("must be nested at most 64 deep"));
}

TEST(TextTree, SizeIsBounded) {
  const std::string most(kConfigBytesMax, ' ');
  EXPECT_EQ(ProblemOf(most), "");
  EXPECT_EQ(ProblemOf(most + " "), "0:0: must have at most 4194304 bytes, got 4194305");
}

TEST(TextTree, NumberOfValuesIsBounded) {
  EXPECT_EQ(ProblemOf(Repeated("- x\n", kConfigNodesMax - 1)), "");
  EXPECT_EQ(ProblemOf(Repeated("- x\n", kConfigNodesMax)),
            "200000:3: must have at most 200000 values, what aliases repeat included");
}

TEST(TextTree, ATabThatIndentsIsToldAsSuch) {
  constexpr std::string_view kSpaces =
      "must be indented by spaces, got a tab; YAML allows none for indentation";
  EXPECT_EQ(ProblemOf("a:\n\t- b\n"), fmt::format("2:1: {}", kSpaces));
  EXPECT_EQ(ProblemOf("a:\n  - b: 1\n  \tc: 2\n"), fmt::format("3:3: {}", kSpaces));
  // Elsewhere tabs are as good as spaces.
  EXPECT_EQ(ProblemOf("a: {b,\tc: {\n"), "2:1: is no YAML: end of map flow not found");
}

TEST(TextTree, OnlyPrintableUtf8IsRead) {
  const std::string problem = "must be UTF-8 text without control characters";
  EXPECT_EQ(ProblemOf("a: ä€😀"), "");
  for (const std::string& bad :
       {std::string("\x80"), std::string("\xc0\xaf"), std::string("\xc3"), std::string("\xe2\x82"),
        std::string("\xed\xa0\x80"), std::string("\xe0\x80\x80"), std::string("\xf0\x80\x80\x80"),
        std::string("\xf4\x90\x80\x80"), std::string("\xf5\x80\x80\x80"), std::string("\x04"),
        std::string("\x7f"), std::string(1, '\0')}) {
    EXPECT_EQ(ProblemOf("a: 1\nb: x" + bad), "2:5: " + problem);
  }
}

TEST(TextTree, SyntaxErrorsHaveTheirPlace) {
  EXPECT_EQ(ProblemOf("a: 1\nb: {x\n"), "3:1: is no YAML: end of map flow not found");
  EXPECT_EQ(ProblemOf("a: 1\n b: 2\n"), "2:3: is no YAML: illegal map value");
  EXPECT_EQ(ProblemOf("*x"), "1:1: is no YAML: the referenced anchor is not defined");
}

TEST(TextTree, OneDocumentOnly) {
  EXPECT_EQ(ProblemOf("---\na: 1\n...\n"), "");
  EXPECT_EQ(ProblemOf("a: 1\n---\nb: 2\n"), "0:0: must be one YAML document");
}

TEST(TextTree, AnEmptyTextIsNothing) {
  for (const std::string_view text : {"", "  \n", "# only a remark\n", "---\n", "~"}) {
    const auto tree = ReadTextTree(text);
    ASSERT_TRUE(tree.has_value()) << text;
    EXPECT_EQ((*tree)[tree->root].kind, TextNode::Kind::kNull) << text;
  }
}

}  // namespace
}  // namespace sluice::gateway::config
