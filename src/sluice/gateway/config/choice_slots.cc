#include "sluice/gateway/config/choice_slots.h"

#include <array>
#include <cstddef>
#include <span>

#include "sluice/contract/assert.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

// In the order of the enumerators.
constexpr std::array<Alternative, 5> kRateKeys{
    {{"ip", false}, {"header"}, {"cookie"}, {"path_param"}, {"generic"}}};
constexpr std::array<Alternative, 4> kHashOns{
    {{"source_ip", false}, {"header"}, {"cookie"}, {"path", false}}};

constexpr std::array<Alternative, 5> kReleaseKeys{
    {{"client_ip", false}, {"header"}, {"cookie"}, {"query"}, {"jwt"}}};

std::size_t IndexOf(std::span<const Alternative> alternatives, std::string_view tag) {
  std::size_t i = 0;
  while (i < alternatives.size() && alternatives[i].tag != tag)
    ++i;
  SLUICE_ASSERT(i < alternatives.size());
  return i;
}

Json Print(const Alternative& alternative, const std::string& text) {
  if (!alternative.takes_text) return std::string(alternative.tag);
  Json value;
  value[std::string(alternative.tag)] = text;
  return value;
}

}  // namespace

std::vector<Alternative> RateKeySlot::alternatives() const {
  return {kRateKeys.begin(), kRateKeys.end()};
}

std::vector<std::string_view> RateKeySlot::later_tags() const {
  return {"jwt_claim", "body"};
}

std::optional<std::string> RateKeySlot::Read(std::string_view tag, std::string_view text) {
  part_.kind = static_cast<RateKeyKind>(IndexOf(kRateKeys, tag));
  part_.name = std::string(text);
  switch (part_.kind) {
    case RateKeyKind::kIp:
      return std::nullopt;
    case RateKeyKind::kHeader:
    case RateKeyKind::kCookie:
    case RateKeyKind::kPathParam:
      return kTokenRule.check(text);
    case RateKeyKind::kGeneric:
      return kFileRule.check(text);
  }
  return std::nullopt;
}

Json RateKeySlot::Value() const {
  return Print(kRateKeys[static_cast<std::size_t>(part_.kind)], part_.name);
}

CostSlot::CostSlot(std::int64_t& tokens, std::string& header)
    : number_(tokens, {1, 1'000'000}, ""), header_(header) {}

std::vector<Alternative> CostSlot::alternatives() const {
  return {{"header"}};
}

std::optional<std::string> CostSlot::Read(std::string_view /*tag*/, std::string_view text) {
  header_ = std::string(text);
  return kTokenRule.check(text);
}

Json CostSlot::Value() const {
  if (header_.empty()) return number_.Value();
  return Print({"header"}, header_);
}

std::vector<Alternative> ReleaseKeySlot::alternatives() const {
  return {kReleaseKeys.begin(), kReleaseKeys.end()};
}

std::optional<std::string> ReleaseKeySlot::Read(std::string_view tag, std::string_view text) {
  part_.kind = static_cast<ReleaseKeyKind>(IndexOf(kReleaseKeys, tag));
  part_.name = std::string(text);
  if (part_.kind == ReleaseKeyKind::kClientIp) return std::nullopt;
  return part_.kind == ReleaseKeyKind::kQuery ? kFileRule.check(text) : kTokenRule.check(text);
}

Json ReleaseKeySlot::Value() const {
  return Print(kReleaseKeys[static_cast<std::size_t>(part_.kind)], part_.name);
}

std::vector<Alternative> HashOnSlot::alternatives() const {
  return {kHashOns.begin(), kHashOns.end()};
}

std::optional<std::string> HashOnSlot::Read(std::string_view tag, std::string_view text) {
  hash_on_.kind = static_cast<HashOnKind>(IndexOf(kHashOns, tag));
  hash_on_.name = std::string(text);
  const bool is_named =
      hash_on_.kind == HashOnKind::kHeader || hash_on_.kind == HashOnKind::kCookie;
  return is_named ? kTokenRule.check(text) : std::nullopt;
}

Json HashOnSlot::Value() const {
  return Print(kHashOns[static_cast<std::size_t>(hash_on_.kind)], hash_on_.name);
}

}  // namespace sluice::gateway::config
