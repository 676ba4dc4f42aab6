// A scope of fixed values, by the text of the reference.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/gateway/flows/reference.h"

namespace sluice::gateway::flows {

class FixedScope final : public Scope {
 public:
  FixedScope& Text(const std::string& reference, std::string value) {
    values_[reference] = {Value::Kind::kText, std::move(value)};
    return *this;
  }
  FixedScope& Number(const std::string& reference, std::string value) {
    values_[reference] = {Value::Kind::kNumber, std::move(value)};
    return *this;
  }
  // Of a body: `reference` without its pointer.
  FixedScope& Json(const std::string& reference, std::string value) {
    values_[reference] = {Value::Kind::kJson, std::move(value)};
    return *this;
  }

  Value ValueOf(const Reference& reference) override {
    const bool is_pointed = reference.source == Reference::Source::kRequestBody ||
                            reference.source == Reference::Source::kBody ||
                            reference.source == Reference::Source::kItem;
    const std::string_view text = reference.text;
    const std::string key(is_pointed ? text.substr(0, text.find('/')) : text);
    const auto found = values_.find(key);
    if (found == values_.end()) return {};
    const auto& [kind, value] = found->second;
    if (kind != Value::Kind::kJson) return {.kind = kind, .text = value};
    const auto part = FindJson(value, reference.pointer);
    if (!part) return {};
    return {.kind = kind, .text = *part};
  }

 private:
  std::map<std::string, std::pair<Value::Kind, std::string>> values_;
};

}  // namespace sluice::gateway::flows
