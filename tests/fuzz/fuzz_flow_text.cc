// What flows make of texts: templates, conditions' references, JSON by pointers.
//
// The input is a template, a line break, and a JSON text to read. Whatever both are: what is
// written in a path stays normal and in its segment, in a header is free of control characters, in
// a body is JSON.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sluice/gateway/flows/json_body.h"
#include "sluice/gateway/flows/json_text.h"
#include "sluice/gateway/flows/text_template.h"
#include "sluice/wire/path.h"

namespace {

using namespace sluice::gateway::flows;  // NOLINT(google-build-using-namespace): a harness.

// Bodies are the JSON, when it is any; texts are its bytes.
class FuzzScope final : public Scope {
 public:
  explicit FuzzScope(std::string_view text) : text_(text), is_json_(IsJson(text)) {}

  Value ValueOf(const Reference& reference) override {
    if (reference.is_text()) return {.kind = Value::Kind::kText, .text = text_};
    if (reference.is_number()) return {.kind = Value::Kind::kNumber, .text = "200"};
    if (!is_json_) return {};
    const auto part = FindJson(text_, reference.pointer);
    if (!part) return {};
    return {.kind = Value::Kind::kJson, .text = *part};
  }

 private:
  std::string_view text_;
  bool is_json_;
};

void Require(bool holds) {
  if (!holds) std::abort();
}

std::size_t Count(std::string_view text, char wanted) {
  std::size_t count = 0;
  for (const char c : text)
    count += c == wanted ? 1 : 0;
  return count;
}

// Only where the literals are a path themselves; see config/flow_text_rules.cc.
void CheckPath(const TextTemplate& text, Scope& scope) {
  std::string skeleton;
  for (const TextTemplate::Part& part : text.parts()) {
    skeleton += part.literal;
    if (part.placeholder) skeleton += 'x';
  }
  const std::string_view path = std::string_view(skeleton).substr(0, skeleton.find('?'));
  std::string scratch;
  const auto normal = sluice::wire::NormalizePath(path, scratch);
  if (!normal || *normal != path) return;
  std::string out;
  if (!RenderPath(text, scope, out)) return;
  const std::string_view made = std::string_view(out).substr(0, out.find('?'));
  std::string other;
  const auto again = sluice::wire::NormalizePath(made, other);
  Require(again.has_value() && *again == made);
  Require(Count(made, '/') == Count(path, '/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(input.find('\n'), input.size());
  const std::string_view written = input.substr(0, cut);
  const std::string_view json = cut < input.size() ? input.substr(cut + 1) : std::string_view();
  const auto text = TextTemplate::Parse(written);
  if (!text) {
    Require(!text.error().empty());
    return 0;
  }
  FuzzScope scope(json);
  CheckPath(*text, scope);

  std::string header;
  const bool is_plain = text->has_placeholders() && text->lone() != nullptr;
  if (is_plain && RenderHeader(*text, scope, header)) {
    for (const char c : header)
      Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
  std::string query;
  if (RenderQueryValue(*text, scope, query)) {
    Require(query.find_first_of("&=#?/ \r\n") == std::string::npos);
  }
  ValueTree tree{.kind = ValueTree::Kind::kMap, .keys = {"k"}, .items = {}};
  tree.items.push_back({.kind = ValueTree::Kind::kText, .text = std::string(written)});
  const auto body = JsonBody::Compile(tree);
  std::string made;
  if (body && body->Render(scope, made)) Require(IsJson(made));
  return 0;
}
