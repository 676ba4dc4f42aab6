// Judged bodies: what the judge of a release reads of an answer, where its rules ask for members of
// the body.
//
// The content is copied as it passes, up to a bound; nobody waits for it. Where no rule asks, it
// costs one comparison a piece. What cannot be read (too long, compressed, no JSON, cut off) is
// counted, and rules about it do not hold.

#pragma once

#include <optional>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/gateway/exchange.h"
#include "sluice/release/event_rule.h"

namespace sluice::gateway {

inline constexpr Bytes kJudgedBodyMax = 64 * kKiB;

// The answer's head is about to be sent.
void BeginJudging(Exchange& exchange, const wire::ResponseHead& head);

// A piece of its content.
void JudgePiece(Exchange& exchange, ByteView content);

// Its last piece was the end of the body.
void FinishJudging(Exchange& exchange);

// Members of the body of `exchange`, which must outlive it; asked after FinishJudging().
class JudgedBody final : public release::BodyFacts {
 public:
  explicit JudgedBody(const Exchange& exchange);

  // True: rules may ask. False: there is nothing that they could know.
  [[nodiscard]] bool is_known() const { return is_known_; }
  [[nodiscard]] std::optional<release::BodyValue> At(std::string_view pointer) const override;

 private:
  const Exchange& exchange_;
  bool is_known_ = false;
  mutable std::string text_;  // What a string says.
};

}  // namespace sluice::gateway
