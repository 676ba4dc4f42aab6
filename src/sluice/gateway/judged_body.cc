#include "sluice/gateway/judged_body.h"

#include <charconv>

#include "sluice/gateway/choose.h"
#include "sluice/gateway/flows/json_text.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kEncodingHeader = "content-encoding";
constexpr std::string_view kIdentityEncoding = "identity";

}  // namespace

void BeginJudging(Exchange& exchange, const wire::ResponseHead& head) {
  ReleaseUse& use = exchange.release;
  const bool is_asked = use.plan != nullptr && !use.plan->body_pointers.empty();
  if (!is_asked || exchange.is_substitute || !IsComparable(use)) return;
  exchange.judged_body.clear();
  const wire::HeaderField* const encoding = head.headers.Find(kEncodingHeader);
  const bool is_plain = encoding == nullptr || encoding->value == kIdentityEncoding;
  use.body = is_plain ? JudgedBodyState::kKeeping : JudgedBodyState::kUnread;
}

void JudgePiece(Exchange& exchange, ByteView content) {
  ReleaseUse& use = exchange.release;
  if (use.body != JudgedBodyState::kKeeping) return;
  if (exchange.judged_body.size() + content.size() > kJudgedBodyMax) {
    use.body = JudgedBodyState::kUnread;
    return;
  }
  exchange.judged_body.append(content);
}

void FinishJudging(Exchange& exchange) {
  JudgedBodyState& state = exchange.release.body;
  if (state == JudgedBodyState::kKeeping) state = JudgedBodyState::kWhole;
}

JudgedBody::JudgedBody(const Exchange& exchange) : exchange_(exchange) {
  is_known_ =
      exchange.release.body == JudgedBodyState::kWhole && flows::IsJson(exchange.judged_body);
}

std::optional<release::BodyValue> JudgedBody::At(std::string_view pointer) const {
  using Kind = release::BodyValue::Kind;
  const auto& pointers = exchange_.release.plan->body_pointers;
  const auto found = pointers.find(pointer);
  if (found == pointers.end()) return std::nullopt;
  const std::optional<std::string_view> json =
      flows::FindJson(exchange_.judged_body, found->second);
  if (!json) return std::nullopt;
  release::BodyValue value;
  switch (flows::JsonKindOf(*json)) {
    case flows::JsonKind::kNull:
      value.kind = Kind::kNull;
      break;
    case flows::JsonKind::kBoolean:
      value.kind = Kind::kBoolean;
      value.number = json->front() == 't' ? 1 : 0;
      break;
    case flows::JsonKind::kNumber:
      value.kind = Kind::kNumber;
      std::from_chars(json->data(), json->data() + json->size(), value.number);
      break;
    case flows::JsonKind::kString:
      value.kind = Kind::kText;
      text_.clear();
      flows::AppendJsonContent(*json, text_);
      value.text = text_;
      break;
    case flows::JsonKind::kArray:
    case flows::JsonKind::kObject:
      break;
  }
  return value;
}

}  // namespace sluice::gateway
