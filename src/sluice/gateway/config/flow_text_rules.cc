#include "sluice/gateway/config/flow_text_rules.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/flows/reference.h"
#include "sluice/gateway/flows/text_template.h"
#include "sluice/wire/path.h"

namespace sluice::gateway::config {
namespace {

using Broken = std::optional<std::string>;

Broken CheckNodeName(std::string_view text) {
  if (flows::IsNodeName(text)) return std::nullopt;
  return "must be 1..64 letters, digits, `-` or `_`, and none of request, response, input, item, "
         "index";
}

Broken CheckReference(std::string_view text) {
  if (text.find("{{") != std::string_view::npos) return "must be a reference without braces";
  const auto reference = flows::Reference::Parse(text);
  return reference ? std::nullopt : Broken(reference.error());
}

Broken CheckFlowText(std::string_view text) {
  const auto parsed = flows::TextTemplate::Parse(text);
  return parsed ? std::nullopt : Broken(parsed.error());
}

// The literals, with a letter for every value.
std::string Skeleton(const flows::TextTemplate& text) {
  std::string skeleton;
  for (const flows::TextTemplate::Part& part : text.parts()) {
    skeleton += part.literal;
    if (part.placeholder) skeleton += 'x';
  }
  return skeleton;
}

Broken CheckFlowPath(std::string_view text) {
  const auto parsed = flows::TextTemplate::Parse(text);
  if (!parsed) return parsed.error();
  const std::string skeleton = Skeleton(*parsed);
  if (!text.starts_with('/')) return "must begin with /";
  const std::string_view path = std::string_view(skeleton).substr(0, skeleton.find('?'));
  std::string scratch;
  const auto normal = wire::NormalizePath(path, scratch);
  if (!normal) return "must be a path: " + normal.error().detail;
  if (*normal != path) return fmt::format("must be in normal form, {}", *normal);
  const bool is_visible = std::ranges::all_of(skeleton, [](char c) {
    return c > 0x20 && c < 0x7F && c != '#' && c != '"' && c != '<' && c != '>';
  });
  if (!is_visible) return "must be visible ASCII without #; write other characters as %20";
  return std::nullopt;
}

Broken CheckFlowHeader(std::string_view text) {
  const auto parsed = flows::TextTemplate::Parse(text);
  if (!parsed) return parsed.error();
  return kFieldValueRule.check(Skeleton(*parsed));
}

Broken CheckFlowStatus(std::string_view text) {
  const auto parsed = flows::TextTemplate::Parse(text);
  if (!parsed) return parsed.error();
  if (parsed->has_placeholders()) {
    if (parsed->lone() != nullptr) return std::nullopt;
    return "must be a number, or one placeholder";
  }
  const std::optional<std::int64_t> status = ReadCount(text);
  if (status && *status >= 200 && *status <= 599) return std::nullopt;
  return "must be 200..599, or a placeholder";
}

}  // namespace

const TextRule kNodeNameRule{"name", "^[A-Za-z0-9_-]{1,64}$", CheckNodeName};
const TextRule kReferenceRule{"reference", "", CheckReference};
const TextRule kFlowPathRule{"template", "^/", CheckFlowPath};
const TextRule kFlowTextRule{"template", "", CheckFlowText};
const TextRule kFlowHeaderRule{"template", "", CheckFlowHeader};
const TextRule kFlowStatusRule{"status or template", "", CheckFlowStatus};

}  // namespace sluice::gateway::config
