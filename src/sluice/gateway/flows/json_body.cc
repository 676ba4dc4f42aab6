#include "sluice/gateway/flows/json_body.h"

#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/flows/json_text.h"
#include "sluice/wire/json_escape.h"

namespace sluice::gateway::flows {

// Walks the tree once; its depth is bounded by whoever read it.
class JsonBodyCompiler {
 public:
  void Add(const ValueTree& tree, const std::string& path) {
    switch (tree.kind) {
      case ValueTree::Kind::kNull:
        literal_ += "null";
        return;
      case ValueTree::Kind::kWord:
      case ValueTree::Kind::kText:
        return AddText(tree, path);
      case ValueTree::Kind::kList:
        return AddList(tree, path);
      case ValueTree::Kind::kMap:
        return AddMap(tree, path);
    }
  }

  std::expected<JsonBody, std::vector<TreeProblem>> Take() {
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    body_.steps_.push_back({.literal = std::move(literal_), .text = {}});
    return std::move(body_);
  }

 private:
  void AddText(const ValueTree& tree, const std::string& path) {
    std::expected<TextTemplate, std::string> text = TextTemplate::Parse(tree.text);
    if (!text) {
      problems_.push_back({.path = path, .text = text.error()});
      return;
    }
    if (!text->has_placeholders()) {
      if (tree.kind == ValueTree::Kind::kWord) {
        literal_ += JsonOfWord(tree.text);
      } else {
        wire::AppendJsonString(tree.text, literal_);
      }
      return;
    }
    const bool is_lone = text->lone() != nullptr;
    if (!is_lone) literal_ += '"';
    body_.steps_.push_back({.literal = std::exchange(literal_, {}), .text = std::move(*text)});
    if (!is_lone) literal_ += '"';
  }

  void AddList(const ValueTree& tree, const std::string& path) {
    literal_ += '[';
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      if (i > 0) literal_ += ',';
      Add(tree.items[i], fmt::format("{}[{}]", path, i));
    }
    literal_ += ']';
  }

  void AddMap(const ValueTree& tree, const std::string& path) {
    literal_ += '{';
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      const std::string& key = tree.keys[i];
      const std::string inner = fmt::format("{}.{}", path, key);
      if (key.find("{{") != std::string::npos) {
        problems_.push_back({.path = inner, .text = "a key must have no placeholder"});
      }
      if (i > 0) literal_ += ',';
      wire::AppendJsonString(key, literal_);
      literal_ += ':';
      Add(tree.items[i], inner);
    }
    literal_ += '}';
  }

  JsonBody body_;
  std::string literal_;
  std::vector<TreeProblem> problems_;
};

std::expected<JsonBody, std::vector<TreeProblem>> JsonBody::Compile(const ValueTree& tree) {
  JsonBodyCompiler compiler;
  compiler.Add(tree, "");
  return compiler.Take();
}

Result<void> JsonBody::Render(Scope& scope, std::string& out) const {
  for (const Step& step : steps_) {
    out += step.literal;
    if (step.text.parts().empty()) continue;
    if (const Placeholder* const lone = step.text.lone()) {
      AppendAsJson(lone->ValueIn(scope), out);
      continue;
    }
    const Result<void> rendered = RenderInString(step.text, scope, out);
    if (!rendered) return rendered;
  }
  return {};
}

}  // namespace sluice::gateway::flows
