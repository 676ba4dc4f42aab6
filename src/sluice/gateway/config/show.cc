#include "sluice/gateway/config/show.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/slots.h"
#include "sluice/gateway/config/substitute.h"
#include "sluice/gateway/config/text_rules.h"
#include "sluice/gateway/config/tree_slot.h"

namespace sluice::gateway::config {
namespace {

// An empty text where one may not be written stands for "not set".
bool IsUnset(const Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

Json Escaped(Json value) {
  if (value.is_string()) return EscapeReferences(value.get_ref<const std::string&>());
  if (value.is_structured()) {
    for (auto& entry : value)
      entry = Escaped(std::move(entry));
  }
  return value;
}

// What of `value` is not as in `sample`, which has the defaults.
Json Without(const Json& sample, Json value) {
  if (!value.is_object() || !sample.is_object()) return value;
  Json changed = Json::object();
  for (auto& [key, entry] : value.items()) {
    const auto same = sample.find(key);
    if (same == sample.end()) {
      changed[key] = std::move(entry);
    } else if (*same != entry) {
      changed[key] = Without(*same, std::move(entry));
    }
  }
  return changed;
}

// Writes what is in a slot into `json()`; null where nothing is set.
class Dumper final : public SlotVisitor, public FieldVisitor {
 public:
  explicit Dumper(Detail detail) : detail_(detail) {}

  [[nodiscard]] Json Take() { return std::move(json_); }

  void OnScalar(ScalarSlot& slot) override { json_ = Escaped(slot.Value()); }
  void OnChoice(ChoiceSlot& slot) override { json_ = Escaped(slot.Value()); }
  void OnTree(TreeSlot& slot) override { json_ = Escaped(JsonOf(slot.value())); }
  void OnObject(ObjectSlot& slot) override {
    Dumper fields(detail_);
    fields.json_ = Json::object();
    slot.VisitFields(fields);
    json_ = fields.Take();
  }
  void OnList(ListSlot& slot) override {
    json_ = Json::array();
    for (std::size_t i = 0; i < slot.size(); ++i) {
      Dumper item(detail_);
      slot.VisitItem(i, item);
      json_.push_back(Shortened(slot, item.Take()));
    }
  }
  void OnMap(MapSlot& slot) override {
    json_ = Json::object();
    for (const std::string& key : slot.keys()) {
      Dumper value(detail_);
      slot.VisitValue(key, value);
      json_[key] = Shortened(slot, value.Take());
    }
  }
  void OnOptional(OptionalSlot& slot) override {
    is_optional_ = true;
    if (!slot.has_value()) return;
    slot.VisitValue(*this);
    json_ = Shortened(slot, std::move(json_));
  }

  void Field(const FieldInfo& info, Slot&& slot) override {
    Dumper value(detail_);
    slot.Accept(value);
    // An optional text may well be set to "".
    if (value.json_.is_null() || (!value.is_optional_ && IsUnset(value.json_))) return;
    json_[std::string(info.name)] = value.Take();
  }
  void Later(std::initializer_list<std::string_view> /*keys*/) override {}

 private:
  // Without what a fresh value of the slot has, too.
  template <typename AnySlot>
  [[nodiscard]] Json Shortened(AnySlot& slot, Json value) const {
    if (detail_ == Detail::kAll || !value.is_object()) return value;
    Dumper sample(detail_);
    slot.VisitSample(sample);
    return Without(sample.Take(), std::move(value));
  }

  const Detail detail_;
  Json json_;
  bool is_optional_ = false;
};

Json Dump(const Config& config, Detail detail) {
  // Slots are for reading and for writing, so they want a Config that may change.
  Config copy = config;
  Dumper dumper(detail);
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

std::string ToYaml(const Config& config, Detail detail) {
  Json json = Dump(config, detail);
  if (detail == Detail::kChanged) json = Without(Dump(Config{}, detail), std::move(json));
  std::string out;
  AppendYaml(json, 0, out);
  return out;
}

std::string ToJson(const Config& config) {
  return ToText(Dump(config, Detail::kAll), 2) + "\n";
}

}  // namespace sluice::gateway::config
