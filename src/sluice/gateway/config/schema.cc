#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/show.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

constexpr std::string_view kReferenceSchema = "#/$defs/environment";

// Values that are no free text may be a reference to the environment, too.
Json OrReference(const Json& schema) {
  const bool takes_any_text =
      schema.contains("type") && schema["type"] == "string" && !schema.contains("pattern");
  if (takes_any_text) return schema;
  Json either;
  either["anyOf"] = Json::array();
  const Json alternatives = schema.contains("anyOf") ? schema["anyOf"] : Json::array({schema});
  for (const Json& alternative : alternatives)
    either["anyOf"].push_back(alternative);
  either["anyOf"].push_back(Json{{"$ref", std::string(kReferenceSchema)}});
  return either;
}

class SchemaWriter final : public SlotVisitor, public FieldVisitor {
 public:
  [[nodiscard]] Json Take() { return std::move(schema_); }

  void OnScalar(ScalarSlot& slot) override {
    schema_ = OrReference(slot.Schema());
    const Json value = slot.Value();
    const bool is_unset = value.is_string() && value.get_ref<const std::string&>().empty();
    if (!is_unset) default_ = value;
  }
  void OnObject(ObjectSlot& slot) override {
    SchemaWriter fields;
    fields.schema_["type"] = "object";
    fields.schema_["additionalProperties"] = false;
    fields.schema_["properties"] = Json::object();
    slot.VisitFields(fields);
    schema_ = fields.Take();
  }
  void OnList(ListSlot& slot) override {
    SchemaWriter item;
    slot.VisitSample(item);
    schema_["type"] = "array";
    if (slot.size_min() > 0) schema_["minItems"] = slot.size_min();
    schema_["maxItems"] = slot.size_max();
    schema_["items"] = item.Take();
  }
  void OnMap(MapSlot& slot) override {
    SchemaWriter value;
    slot.VisitSample(value);
    schema_["type"] = "object";
    schema_["maxProperties"] = slot.size_max();
    schema_["additionalProperties"] = value.Take();
  }
  void OnOptional(OptionalSlot& slot) override {
    slot.VisitSample(*this);
    default_ = Json();  // Its default is to be absent.
  }
  void OnChoice(ChoiceSlot& slot) override {
    Json words = Json::array();
    schema_["anyOf"] = Json::array();
    for (const Alternative& alternative : slot.alternatives()) {
      if (!alternative.takes_text) {
        words.push_back(std::string(alternative.tag));
        continue;
      }
      Json entry;
      entry["type"] = "object";
      entry["additionalProperties"] = false;
      entry["required"] = Json::array({std::string(alternative.tag)});
      entry["properties"][std::string(alternative.tag)]["type"] = "string";
      schema_["anyOf"].push_back(std::move(entry));
    }
    if (!words.empty()) schema_["anyOf"].push_back(Json{{"enum", words}});
    if (const ScalarSlot* const bare = slot.bare()) {
      schema_["anyOf"].push_back(bare->Schema());
      default_ = slot.Value();
    }
  }

  void OnTree(TreeSlot& /*slot*/) override { schema_ = Json::object(); }  // Anything.

  void Field(const FieldInfo& info, Slot&& slot) override {
    SchemaWriter value;
    slot.Accept(value);
    Json& property = schema_["properties"][std::string(info.name)];
    property["description"] = std::string(info.doc);
    property.update(value.schema_);
    const bool is_printed = !info.required && info.default_text.empty();
    if (is_printed && !value.default_.is_null()) property["default"] = value.default_;
    if (info.required) schema_["required"].push_back(std::string(info.name));
  }
  void Later(std::initializer_list<std::string_view> /*keys*/) override {}

 private:
  Json schema_;
  Json default_;
};

}  // namespace

std::string JsonSchema() {
  Config defaults;
  SchemaWriter writer;
  ObjectSlotOf<Config>(defaults).Accept(writer);

  Json schema;
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Sluice configuration";
  schema.update(writer.Take());
  Json& environment = schema["$defs"]["environment"];
  environment["description"] = "${NAME} or ${NAME:-default}, replaced from the environment.";
  environment["type"] = "string";
  environment["pattern"] = "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}";
  return schema.dump(2) + "\n";
}

}  // namespace sluice::gateway::config
