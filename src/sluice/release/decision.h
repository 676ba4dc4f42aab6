// Decision: which arm answers a request, and why.
//
// Asked in this order; the first that says something decides, and its letter goes to the access
// log: F a signed order, L the lane in the baggage, D a deny rule, M a match rule, H the bucket,
// S stable. The forwarder adds X (the arm had no endpoint, stable answered) and R (a protected
// request was sent again to stable).
//
// Pure; any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/release/bucket.h"

namespace sluice::release {

enum class Cause : std::uint8_t {
  kForced,    // F
  kLane,      // L
  kDenied,    // D
  kMatched,   // M
  kHashed,    // H
  kStable,    // S: nothing else said anything.
  kFallback,  // X
  kRepeated,  // R
};
inline constexpr std::size_t kCauses = 8;

// The letter of the access log.
[[nodiscard]] char LetterOf(Cause cause);
// "forced", "lane", "denied", "matched", "hashed", "stable", "fallback", "repeated".
[[nodiscard]] std::string_view NameOf(Cause cause);

struct Decision {
  Arm arm = Arm::kStable;
  Cause cause = Cause::kStable;
  std::uint32_t bucket = kBuckets;  // kBuckets: it had none.
};

// What one request says for itself, asked no further than needed. `kCandidate` and `kStable` are
// orders; nothing: no order.
class RequestFacts {
 public:
  // The signed order, verified; see lane_order.h.
  [[nodiscard]] virtual std::optional<Arm> Forced() = 0;
  // The lane that a trusted caller says.
  [[nodiscard]] virtual std::optional<Arm> Lane() = 0;
  [[nodiscard]] virtual bool IsDenied() = 0;
  // A match rule takes the request; with a share of the buckets, only its part.
  [[nodiscard]] virtual bool IsMatched() = 0;
  // The key's bucket; nothing: the request goes to stable.
  [[nodiscard]] virtual std::optional<std::uint32_t> Bucket() = 0;

 protected:
  ~RequestFacts() = default;
};

// `shares.candidate` may be 0 while rules and orders still lead to the candidate; where the release
// takes no traffic at all (not begun, rolled back), do not ask.
[[nodiscard]] Decision Decide(RequestFacts& facts, const Shares& shares);

}  // namespace sluice::release
