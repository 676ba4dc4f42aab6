#include "sluice/release/decision.h"

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

class Facts final : public RequestFacts {
 public:
  std::optional<Arm> forced;
  std::optional<Arm> lane;
  bool denied = false;
  bool matched = false;
  std::optional<std::uint32_t> bucket = 999;

  std::optional<Arm> Forced() override { return forced; }
  std::optional<Arm> Lane() override { return lane; }
  bool IsDenied() override { return denied; }
  bool IsMatched() override { return matched; }
  std::optional<std::uint32_t> Bucket() override { return bucket; }
};

constexpr Shares kAll{.candidate = kBuckets};

TEST(Decision, IsAskedInOrderAndSaysWhy) {
  Facts facts{};
  facts.forced = Arm::kStable;
  facts.lane = Arm::kCandidate;
  facts.denied = true;
  facts.matched = true;
  Decision got = Decide(facts, kAll);
  EXPECT_EQ(got.arm, Arm::kStable);
  EXPECT_EQ(LetterOf(got.cause), 'F');
  facts.forced.reset();
  got = Decide(facts, kAll);
  EXPECT_EQ(got.arm, Arm::kCandidate);
  EXPECT_EQ(LetterOf(got.cause), 'L');
  facts.lane.reset();
  EXPECT_EQ(LetterOf(Decide(facts, kAll).cause), 'D');
  facts.denied = false;
  EXPECT_EQ(LetterOf(Decide(facts, kAll).cause), 'M');
  facts.matched = false;
  EXPECT_EQ(LetterOf(Decide(facts, kAll).cause), 'H');
  facts.bucket.reset();
  got = Decide(facts, kAll);
  EXPECT_EQ(got.arm, Arm::kStable);
  EXPECT_EQ(LetterOf(got.cause), 'S');
}

TEST(Decision, G7ARuleLeadsToTheCandidateAtWeightZero) {
  Facts facts;
  EXPECT_EQ(LetterOf(Decide(facts, {}).cause), 'S');
  facts.matched = true;
  const Decision got = Decide(facts, {});
  EXPECT_EQ(got.arm, Arm::kCandidate);
  EXPECT_EQ(LetterOf(got.cause), 'M');
}

TEST(Decision, G9ADenyRuleKeepsStableAtWeightHundred) {
  Facts facts;
  facts.denied = true;
  const Decision got = Decide(facts, kAll);
  EXPECT_EQ(got.arm, Arm::kStable);
  EXPECT_EQ(LetterOf(got.cause), 'D');
}

TEST(Decision, TheControlSliceIsReachedByItsBucket) {
  Facts facts;
  facts.bucket = 999'999;
  const Decision got = Decide(facts, {.candidate = 1, .control = 10});
  EXPECT_EQ(got.arm, Arm::kControl);
  EXPECT_EQ(got.cause, Cause::kHashed);
  EXPECT_EQ(got.bucket, 999'999U);
}

TEST(Decision, EachCauseHasALetterAndAName) {
  EXPECT_EQ(LetterOf(Cause::kFallback), 'X');
  EXPECT_EQ(LetterOf(Cause::kRepeated), 'R');
  EXPECT_EQ(NameOf(Cause::kFallback), "fallback");
  EXPECT_EQ(NameOf(Arm::kControl), "control");
}

}  // namespace
}  // namespace sluice::release
