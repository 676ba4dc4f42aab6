#include "sluice/gateway/flows/flow_scope.h"

#include <fmt/format.h>

#include "sluice/gateway/flows/json_text.h"
#include "sluice/wire/authority.h"

namespace sluice::gateway::flows {
namespace {

using Source = Reference::Source;

Value TextOf(std::string_view text) {
  return {.kind = Value::Kind::kText, .text = text};
}

Value Find(const NamedTexts& texts, std::string_view name) {
  for (const auto& [key, text] : texts) {
    if (key == name) return TextOf(text);
  }
  return {};
}

Value PartOf(std::string_view json, const JsonPointer& pointer) {
  if (json.empty()) return {};
  const std::optional<std::string_view> part = FindJson(json, pointer);
  if (!part) return {};
  return {.kind = Value::Kind::kJson, .text = *part};
}

}  // namespace

Value FlowScope::ValueOf(const Reference& reference) {
  switch (reference.source) {
    case Source::kItem:
      return item_ ? PartOf(item_->json, reference.pointer) : Value{};
    case Source::kIndex:
      if (!item_) return {};
      scratch_ = fmt::format("{}", item_->index);
      return {.kind = Value::Kind::kNumber, .text = scratch_};
    case Source::kStatus:
    case Source::kHeader:
    case Source::kBody:
      return OfNode(reference);
    default:
      return OfRequest(reference);
  }
}

Value FlowScope::OfRequest(const Reference& reference) {
  switch (reference.source) {
    case Source::kMethod:
      return TextOf(run_.method);
    case Source::kPath:
      return TextOf(run_.path);
    case Source::kRequestHeader:
      return Find(run_.headers, reference.name);
    case Source::kQuery: {
      const auto found = wire::FindQueryParameter(run_.query, reference.name, scratch_);
      return found ? TextOf(*found) : Value{};
    }
    case Source::kCapture:
      return Find(run_.captures, reference.name);
    default:
      return PartOf(run_.body, reference.pointer);
  }
}

const Answer* FlowScope::AnswerOf(std::string_view node) const {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == node) return inputs_[i + 1].answer.get();
  }
  return nullptr;
}

Value FlowScope::OfNode(const Reference& reference) {
  const Answer* const answer = AnswerOf(reference.node);
  if (answer == nullptr) return {};
  if (reference.source == Source::kBody) return PartOf(answer->body, reference.pointer);
  if (reference.source == Source::kHeader) return Find(answer->headers, reference.name);
  scratch_ = fmt::format("{}", answer->status);
  return {.kind = Value::Kind::kNumber, .text = scratch_};
}

}  // namespace sluice::gateway::flows
