#include "sluice/gateway/flows/value.h"

#include "sluice/gateway/flows/json_text.h"
#include "sluice/wire/json_escape.h"

namespace sluice::gateway::flows {

bool Value::is_nothing() const {
  return kind == Kind::kMissing || (kind == Kind::kJson && JsonKindOf(text) == JsonKind::kNull);
}

bool AppendScalar(const Value& value, std::string& out) {
  if (value.is_nothing()) return false;
  if (value.kind != Value::Kind::kJson) {
    out += value.text;
    return true;
  }
  switch (JsonKindOf(value.text)) {
    case JsonKind::kString:
      AppendJsonContent(value.text, out);
      return true;
    case JsonKind::kNumber:
    case JsonKind::kBoolean:
      out += value.text;
      return true;
    default:
      return false;
  }
}

void AppendAsJson(const Value& value, std::string& out) {
  switch (value.kind) {
    case Value::Kind::kMissing:
      out += "null";
      return;
    case Value::Kind::kText:
      wire::AppendJsonString(value.text, out);
      return;
    case Value::Kind::kNumber:
    case Value::Kind::kJson:
      out += value.text;
      return;
  }
}

}  // namespace sluice::gateway::flows
