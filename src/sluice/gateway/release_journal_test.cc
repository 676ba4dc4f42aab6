#include "sluice/gateway/release_journal.h"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

KeptRelease Kept() {
  KeptRelease kept;
  kept.state = {.state = release::State::kPaused,
                .before_suspension = release::State::kBaking,
                .generation = 7,
                .step = 2,
                .candidate_buckets = 100'000,
                .exposed = std::chrono::seconds(9),
                .in_state = Nanos(1),
                .reason = "errors",
                .sentence = "FAIL \"errors\"",
                .fingerprint = "v2",
                .aborted = {"v0", "v1"},
                .is_approved = true,
                .is_cleared = true,
                .is_checked = true,
                .is_held = true,
                .is_critical = true};
  kept.run = "run";
  kept.evidence = "1 2.5 3";
  kept.outside = {{"diff",
                   {.source = "diff",
                    .verdict = release::Finding::kHold,
                    .reason = "other answers",
                    .critical = true}}};
  kept.thresholds = {{"search", {1, 2, INT64_MAX}}};
  return kept;
}

PastTransition Past(std::uint64_t generation) {
  return {.transition = {.generation = generation,
                         .from = release::State::kBaking,
                         .to = release::State::kPaused,
                         .step = 2,
                         .candidate_buckets = 100'000,
                         .actor = "ann",
                         .reason = "pause",
                         .sentence = "lunch"},
          .at = WallTime(Nanos(42)),
          .evidence_digest = "abc"};
}

TEST(ReleaseJournal, ATransitionComesBackWhole) {
  KeptReleases read;
  ASSERT_TRUE(ReadRecord(TransitionRecord("r", Kept(), Past(7)), read).has_value());
  const KeptRelease& kept = read.at("r");
  EXPECT_EQ(kept.state, Kept().state);
  EXPECT_EQ(kept.run, "run");
  EXPECT_EQ(kept.evidence, "1 2.5 3");
  EXPECT_EQ(kept.outside, Kept().outside);
  EXPECT_EQ(kept.thresholds, Kept().thresholds);
  ASSERT_EQ(kept.history.size(), 1U);
  EXPECT_EQ(kept.history[0].transition.actor, "ann");
  EXPECT_EQ(kept.history[0].at, WallTime(Nanos(42)));
}

TEST(ReleaseJournal, WhatOthersSayIsReplacedByWhatTheySayLater) {
  KeptReleases read;
  ASSERT_TRUE(ReadRecord(TransitionRecord("r", Kept(), Past(7)), read).has_value());
  KeptRelease later = Kept();
  later.outside["diff"].verdict = release::Finding::kPass;
  ASSERT_TRUE(ReadRecord(OutsideRecord("r", later), read).has_value());
  EXPECT_EQ(read.at("r").outside, later.outside);
  EXPECT_EQ(read.at("r").history.size(), 1U);
}

TEST(ReleaseJournal, TicksAddUpBehindTheirTransition) {
  KeptReleases read;
  ASSERT_TRUE(ReadRecord(TransitionRecord("r", Kept(), Past(7)), read).has_value());
  KeptRelease::KeptTick tick{.share = 0.1, .is_settling = true};
  tick.tick.of(release::Arm::kCandidate).requests = 5;
  tick.tick.of(release::Arm::kCandidate).events[15] = 2;
  release::PlanState state = Kept().state;
  state.exposed = std::chrono::seconds(10);
  ASSERT_TRUE(ReadRecord(TickRecord("r", state, tick), read).has_value());
  ASSERT_EQ(read.at("r").ticks.size(), 1U);
  EXPECT_EQ(read.at("r").ticks[0].tick, tick.tick);
  EXPECT_EQ(read.at("r").ticks[0].share, 0.1);
  EXPECT_TRUE(read.at("r").ticks[0].is_settling);
  EXPECT_EQ(read.at("r").state.exposed, std::chrono::seconds(10));
  // The next transition has them in its evidence.
  ASSERT_TRUE(ReadRecord(TransitionRecord("r", Kept(), Past(8)), read).has_value());
  EXPECT_TRUE(read.at("r").ticks.empty());
  EXPECT_EQ(read.at("r").history.size(), 2U);
}

TEST(ReleaseJournal, ASnapshotHoldsAllReleasesWithTheirHistory) {
  KeptReleases all;
  all["a"] = Kept();
  all["a"].Remember(Past(7));
  all["b"] = Kept();
  KeptReleases read;
  read["gone"] = Kept();
  ASSERT_TRUE(ReadSnapshot(SnapshotOf(all), read).has_value());
  EXPECT_EQ(read.size(), 2U);
  EXPECT_EQ(read.at("a").state, Kept().state);
  EXPECT_EQ(read.at("a").history.size(), 1U);
}

TEST(ReleaseJournal, OtherTextsAreRefusedAndChangeNothing) {
  KeptReleases read;
  read["r"] = Kept();
  for (const std::string_view text :
       {"", "{", "[]", "{}", R"({"kind":"tick","release":"r","exposed":1})",
        R"({"kind":"transition","release":"r","kept":{}})"}) {
    EXPECT_FALSE(ReadRecord(text, read).has_value()) << text;
    EXPECT_FALSE(ReadSnapshot(text, read).has_value()) << text;
  }
  EXPECT_EQ(read.at("r").state, Kept().state);
  EXPECT_TRUE(read.at("r").ticks.empty());
}

TEST(ReleaseJournal, HistoryIsBounded) {
  KeptRelease kept;
  for (std::uint64_t i = 0; i < 1'000; ++i)
    kept.Remember(Past(i));
  EXPECT_EQ(kept.history.size(), KeptRelease::kHistoryMax);
  EXPECT_EQ(kept.history.back().transition.generation, 999U);
}

TEST(ReleaseJournal, TheFeedTellsTheWeightInPercent) {
  EXPECT_THAT(TransitionJson("r", Past(7)), testing::HasSubstr("\"weight_percent\":10.0"));
}

}  // namespace
}  // namespace sluice::gateway
