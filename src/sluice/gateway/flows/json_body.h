// JsonBody: a body as a tree whose texts are templates, compiled to what is written when.
//
// A text that is one placeholder becomes the value with its own JSON type (null where there is
// none); any other text a string with the values escaped inside. Keys are literal.
//
// Immutable; thread-safe.

#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/gateway/flows/text_template.h"
#include "sluice/gateway/flows/value_tree.h"

namespace sluice::gateway::flows {

// What is wrong with a part of a tree: `path` leads to it (".items[2].name"; empty: the whole).
struct TreeProblem {
  std::string path;
  std::string text;
};

class JsonBody {
 public:
  JsonBody() = default;
  // Tells every problem at once.
  static std::expected<JsonBody, std::vector<TreeProblem>> Compile(const ValueTree& tree);

  // Appends the JSON. Fails as RenderInString().
  [[nodiscard]] Result<void> Render(Scope& scope, std::string& out) const;

  template <typename Visit>
  void ForEachPlaceholder(Visit visit) const {
    for (const Step& step : steps_)
      step.text.ForEachPlaceholder(visit);
  }

 private:
  friend class JsonBodyCompiler;
  struct Step {
    std::string literal;  // JSON text before the value.
    TextTemplate text;    // Lone: a value with its type; else the inside of a string.
  };

  std::vector<Step> steps_;
};

}  // namespace sluice::gateway::flows
