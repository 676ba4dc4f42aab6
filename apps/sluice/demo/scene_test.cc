#include "demo/scene.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStdout;

TEST(Wrap, BreaksAtSpacesAndCountsCharacters) {
  EXPECT_THAT(Wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("é→é b", 5), ElementsAre("é→é b"));
  EXPECT_THAT(Wrap("  much   space ", 20), ElementsAre("much space"));
  EXPECT_THAT(Wrap("unbreakable", 4), ElementsAre("unbreakable"));
  EXPECT_TRUE(Wrap("", 4).empty());
}

TEST(InMilliseconds, HasADigitMoreBelowTen) {
  EXPECT_EQ(InMilliseconds(96400us), "96 ms");
  EXPECT_EQ(InMilliseconds(1240us), "1.2 ms");
}

TEST(Scene, PrintsAsItGoes) {
  CaptureStdout();
  Scene scene({});
  scene.Title(2, 7, "spike", "Five times the usual");
  scene.Say("What happens.");
  scene.Require(true, "it holds");
  scene.Progress("never seen where there is no terminal");
  scene.Require(false, "it breaks");
  EXPECT_EQ(GetCapturedStdout(),
            "\n2/7  spike      Five times the usual\n     What happens.\n     ok      it holds\n"
            "     FAILED  it breaks\n");
}

TEST(Scene, HoldsUntilOneCheckFails) {
  Scene scene({.format = Format::kJson});
  EXPECT_TRUE(scene.held());
  scene.Require(true, "one");
  EXPECT_TRUE(scene.held());
  scene.Require(false, "two");
  scene.Require(true, "three");
  EXPECT_FALSE(scene.held());
}

TEST(Scene, AsJsonTellsItAllAndPrintsNothing) {
  CaptureStdout();
  Scene scene({.format = Format::kJson, .is_terminal = true});
  scene.Title(1, 1, "dag", "title");
  scene.Say("text");
  scene.Progress("text");
  scene.Note("p50_ms", 97);
  scene.Require(false, "two");
  EXPECT_EQ(GetCapturedStdout(), "");
  EXPECT_EQ(scene.ToJson().dump(), R"({"name":"dag","title":"title","p50_ms":97,"held":false,)"
                                   R"("checks":[{"text":"two","held":false}]})");
}

TEST(Scene, ProgressVanishesBeforeTheNextLine) {
  CaptureStdout();
  Scene scene({.is_terminal = true});
  scene.Progress("waiting");
  scene.Line("done");
  EXPECT_EQ(GetCapturedStdout(), "     … waiting\r\x1b[K     done\n");
}

}  // namespace
}  // namespace sluice::demo
