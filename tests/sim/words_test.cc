#include "tests/sim/words.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

using namespace std::chrono_literals;

Words Read(std::string_view text) {
  return {"x.scenario:3", text};
}

TEST(Words, PartsBySpacesAndCommas) {
  Words words = Read("at 2s  failures, probes");

  EXPECT_EQ(words.Take("word"), "at");
  EXPECT_EQ(words.TakeDuration("time"), 2s);
  EXPECT_TRUE(words.TakeIf("failures , probes"));
  EXPECT_TRUE(words.empty());
  EXPECT_FALSE(words.problem());
}

TEST(Words, TakesAPhraseWhollyOrNotAtAll) {
  Words words = Read("is at least 5");

  EXPECT_FALSE(words.TakeIf("is at most"));
  EXPECT_TRUE(words.TakeIf("is at least"));
  EXPECT_EQ(words.TakeCount("number"), 5);
}

TEST(Words, KeepsBracketsTogether) {
  Words words = Read(R"({"a": [1, "}"]} total{route="x y"} [1, 2])");

  EXPECT_TRUE(words.AtText());
  EXPECT_EQ(words.TakeText("body"), R"({"a": [1, "}"]})");
  EXPECT_FALSE(words.AtText());
  EXPECT_EQ(words.Take("counter"), R"(total{route="x y"})");
  EXPECT_EQ(words.TakeText("body"), "[1, 2]");
}

TEST(Words, UnescapesQuotedTexts) {
  Words words = Read(R"("a\r\n\t\"\\\x41\0b" "")");

  EXPECT_EQ(words.TakeText("text"), std::string("a\r\n\t\"\\A\0b", 9));
  EXPECT_EQ(words.TakeText("text"), "");
  EXPECT_TRUE(words.empty());
}

TEST(Words, TakesNoQuotedTextForAKeyword) {
  Words words = Read(R"("and")");

  EXPECT_FALSE(words.TakeIf("and"));
}

TEST(Words, EndsAtAComment) {
  Words words = Read("drain # all of it");

  EXPECT_EQ(words.Take("word"), "drain");
  EXPECT_TRUE(words.empty());
}

TEST(Words, ReadsDurationsSizesPercentsAndAddresses) {
  Words words = Read("1.5s 50us 7ns 2m 1h -1h +2s 64KiB 100 1MiB 8% 10.0.0.1:80 10.0.0.2");

  EXPECT_EQ(words.TakeDuration("d"), 1500ms);
  EXPECT_EQ(words.TakeDuration("d"), 50us);
  EXPECT_EQ(words.TakeDuration("d"), 7ns);
  EXPECT_EQ(words.TakeDuration("d"), 2min);
  EXPECT_EQ(words.TakeDuration("d"), 1h);
  EXPECT_EQ(words.TakeSignedDuration("d"), -1h);
  EXPECT_EQ(words.TakeSignedDuration("d"), 2s);
  EXPECT_EQ(words.TakeSize("s"), 64 * kKiB);
  EXPECT_EQ(words.TakeSize("s"), 100U);
  EXPECT_EQ(words.TakeSize("s"), kMiB);
  EXPECT_DOUBLE_EQ(words.TakePercent("p"), 0.08);
  EXPECT_EQ(words.TakeAddress().ToString(), "10.0.0.1:80");
  EXPECT_EQ(words.TakeHost().ToString(), "10.0.0.2:0");
  words.End();
  EXPECT_EQ(words.problem(), std::nullopt);
}

TEST(Words, ReadsHeaders) {
  Words words = Read(R"("x-user:  ann:b" "x-any")");

  EXPECT_EQ(words.TakeHeader(), std::pair(std::string("x-user"), std::string("ann:b")));
  EXPECT_EQ(words.TakeHeader(), std::pair(std::string("x-any"), std::string()));
}

TEST(Words, ComplainsWithThePlaceAndKeepsTheFirstProblem) {
  Words words = Read("10");

  EXPECT_EQ(words.TakeDuration("a delay"), 0s);
  EXPECT_EQ(words.Take("more"), "");
  EXPECT_EQ(words.problem(),
            "x.scenario:3: expected a delay with a unit such as 250ms or 1.5s, got `10`");
}

struct Wrong {
  const char* text;
  void (*take)(Words& words);
  const char* problem;
};

TEST(Words, ComplainsAboutEverythingItCannotRead) {
  const Wrong wrongs[] = {
      {"x", [](Words& words) { (void)words.TakeCount("a number"); },
       "expected a number, a whole number, got `x`"},
      {"-1", [](Words& words) { (void)words.TakeCount("a number"); },
       "expected a number, a whole number, got `-1`"},
      {"1.2.3s", [](Words& words) { (void)words.TakeDuration("a time"); },
       "expected a time with a unit such as 250ms or 1.5s, got `1.2.3s`"},
      {"+1", [](Words& words) { (void)words.TakeSignedDuration("a step"); },
       "expected a step such as +1h or -250ms, got `+1`"},
      {"64kb", [](Words& words) { (void)words.TakeSize("a length"); },
       "expected a length, a size such as 100 or 64KiB, got `64kb`"},
      {"101%", [](Words& words) { (void)words.TakePercent("a part"); },
       "expected a part, 0% to 100%, got `101%`"},
      {"50", [](Words& words) { (void)words.TakePercent("a part"); },
       "expected a part, 0% to 100%, got `50`"},
      {"pay:80", [](Words& words) { (void)words.TakeAddress(); }, "not an address: `pay:80`"},
      {"pay", [](Words& words) { (void)words.TakeHost(); }, "not an IP address: `pay`"},
      {"a", [](Words& words) { words.Expect("b"); }, "expected `b`, got `a`"},
      {"", [](Words& words) { words.Expect("b"); }, "expected `b` at the end of the line"},
      {"", [](Words& words) { (void)words.Take("a word"); },
       "expected a word at the end of the line"},
      {"more", [](Words& words) { words.End(); }, "`more` is not understood here"},
      {R"("open)", [](Words& /*words*/) {}, "a quoted text does not end on its line"},
      {R"("\q")", [](Words& /*words*/) {}, "unknown escape in a quoted text"},
      {R"("\x4")", [](Words& /*words*/) {}, "unknown escape in a quoted text"},
      {R"("\)", [](Words& /*words*/) {}, "unknown escape in a quoted text"},
      {"{a", [](Words& /*words*/) {}, "a bracket does not close: `{a`"},
  };
  for (const Wrong& wrong : wrongs) {
    SCOPED_TRACE(wrong.text);
    Words words = Read(wrong.text);
    wrong.take(words);
    ASSERT_TRUE(words.problem());
    EXPECT_TRUE(words.problem()->starts_with(std::string("x.scenario:3: ") + wrong.problem))
        << *words.problem();
  }
}

}  // namespace
}  // namespace sluice::scenario
