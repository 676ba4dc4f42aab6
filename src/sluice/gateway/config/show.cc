#include "sluice/gateway/config/show.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/slots.h"
#include "sluice/gateway/config/substitute.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

// An empty text where one may not be written stands for "not set".
bool IsUnset(const Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

Json Escaped(Json value) {
  if (value.is_string()) return EscapeReferences(value.get_ref<const std::string&>());
  if (value.is_object()) {
    for (auto& entry : value)
      entry = Escaped(std::move(entry));
  }
  return value;
}

// Writes what is in a slot into `json()`; null where nothing is set.
class Dumper final : public SlotVisitor, public FieldVisitor {
 public:
  [[nodiscard]] Json Take() { return std::move(json_); }

  void OnScalar(ScalarSlot& slot) override { json_ = Escaped(slot.Value()); }
  void OnChoice(ChoiceSlot& slot) override { json_ = Escaped(slot.Value()); }
  void OnObject(ObjectSlot& slot) override {
    Dumper fields;
    fields.json_ = Json::object();
    slot.VisitFields(fields);
    json_ = fields.Take();
  }
  void OnList(ListSlot& slot) override {
    json_ = Json::array();
    for (std::size_t i = 0; i < slot.size(); ++i) {
      Dumper item;
      slot.VisitItem(i, item);
      json_.push_back(item.Take());
    }
  }
  void OnMap(MapSlot& slot) override {
    json_ = Json::object();
    for (const std::string& key : slot.keys()) {
      Dumper value;
      slot.VisitValue(key, value);
      json_[key] = value.Take();
    }
  }
  void OnOptional(OptionalSlot& slot) override {
    is_optional_ = true;
    if (slot.has_value()) slot.VisitValue(*this);
  }

  void Field(const FieldInfo& info, Slot&& slot) override {
    Dumper value;
    slot.Accept(value);
    // An optional text may well be set to "".
    if (value.json_.is_null() || (!value.is_optional_ && IsUnset(value.json_))) return;
    json_[std::string(info.name)] = value.Take();
  }
  void Later(std::initializer_list<std::string_view> /*keys*/) override {}

 private:
  Json json_;
  bool is_optional_ = false;
};

Json Dump(const Config& config) {
  // Slots are for reading and for writing, so they want a Config that may change.
  Config copy = config;
  Dumper dumper;
  ObjectSlotOf<Config>(copy).Accept(dumper);
  return dumper.Take();
}

std::string ToText(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// Whether every reader of YAML, 1.1 or 1.2, takes the text for this very string without quotes.
// Errs to false.
bool IsPlainSafe(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords{"null", "true", "false", "yes", "no",
                                                   "on",   "off",  "y",     "n"};
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_plain = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '-' || c == '/';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_plain)) return false;
  if (is_digit(text.front())) return ReadDuration(text) || ReadSize(text);
  return text.front() != '-' &&
         std::find(kWords.begin(), kWords.end(), Lowered(text)) == kWords.end();
}

std::string ToScalar(const Json& json) {
  const bool is_plain = json.is_string() && IsPlainSafe(json.get_ref<const std::string&>());
  return is_plain ? json.get<std::string>() : ToText(json, -1);
}

bool IsBlock(const Json& json) {
  return json.is_structured() && !json.empty();
}

// Block style; `indent` is where the entries of `json` stand. JSON's quoted strings, `[]` and `{}`
// are YAML as they are.
void AppendYaml(const Json& json, std::size_t indent, std::string& out) {
  bool is_first = true;
  for (const auto& entry : json.items()) {
    // The first entry of a mapping in a list stands behind the dash.
    if (!is_first || !out.ends_with("- ")) out += std::string(indent, ' ');
    is_first = false;
    out += json.is_array() ? "- " : ToScalar(entry.key()) + ":";
    if (!IsBlock(entry.value())) {
      out += (json.is_array() ? "" : " ") + ToScalar(entry.value()) + "\n";
      continue;
    }
    if (!json.is_array() || entry.value().is_array()) out += "\n";
    AppendYaml(entry.value(), indent + 2, out);
  }
}

}  // namespace

std::string ToYaml(const Config& config) {
  std::string out;
  AppendYaml(Dump(config), 0, out);
  return out;
}

std::string ToJson(const Config& config) {
  return ToText(Dump(config), 2) + "\n";
}

}  // namespace sluice::gateway::config
