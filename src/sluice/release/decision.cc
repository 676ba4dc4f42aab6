#include "sluice/release/decision.h"

namespace sluice::release {

char LetterOf(Cause cause) {
  constexpr std::string_view kLetters = "FLDMHSXR";
  static_assert(kLetters.size() == kCauses);
  return kLetters[static_cast<std::size_t>(cause)];
}

std::string_view NameOf(Cause cause) {
  switch (cause) {
    case Cause::kForced:
      return "forced";
    case Cause::kLane:
      return "lane";
    case Cause::kDenied:
      return "denied";
    case Cause::kMatched:
      return "matched";
    case Cause::kHashed:
      return "hashed";
    case Cause::kStable:
      return "stable";
    case Cause::kFallback:
      return "fallback";
    case Cause::kRepeated:
      return "repeated";
  }
  return "?";
}

Decision Decide(RequestFacts& facts, const Shares& shares) {
  if (const std::optional<Arm> forced = facts.Forced()) {
    return {.arm = *forced, .cause = Cause::kForced};
  }
  if (const std::optional<Arm> lane = facts.Lane()) return {.arm = *lane, .cause = Cause::kLane};
  if (facts.IsDenied()) return {.arm = Arm::kStable, .cause = Cause::kDenied};
  if (facts.IsMatched()) return {.arm = Arm::kCandidate, .cause = Cause::kMatched};
  const std::optional<std::uint32_t> bucket = facts.Bucket();
  if (!bucket) return {.arm = Arm::kStable, .cause = Cause::kStable};
  const Arm arm = ArmOf(*bucket, shares);
  const Cause cause = arm == Arm::kStable ? Cause::kStable : Cause::kHashed;
  return {.arm = arm, .cause = cause, .bucket = *bucket};
}

}  // namespace sluice::release
