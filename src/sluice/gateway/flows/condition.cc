#include "sluice/gateway/flows/condition.h"

#include <algorithm>
#include <array>
#include <compare>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/gateway/flows/json_number.h"
#include "sluice/gateway/flows/json_text.h"
#include "sluice/wire/json_escape.h"

namespace sluice::gateway::flows {
namespace {

constexpr std::array<std::string_view, 7> kComparisons{"exists", "equals", "in", "gt",
                                                       "gte",    "lt",     "lte"};
constexpr std::array<std::string_view, 3> kCombinations{"all", "any", "not"};

bool IsNumber(std::string_view text) {
  return IsJson(text) && JsonKindOf(text) == JsonKind::kNumber;
}

// The scalar as JSON.
std::string JsonOf(const ValueTree& tree) {
  if (tree.kind == ValueTree::Kind::kNull) return "null";
  if (tree.kind == ValueTree::Kind::kWord) return JsonOfWord(tree.text);
  std::string text;
  wire::AppendJsonString(tree.text, text);
  return text;
}

bool SameText(std::string_view text, std::string_view json_string) {
  std::string content;
  AppendJsonContent(json_string, content);
  return text == content;
}

// Same type and same value; numbers by value.
bool Equal(const Value& value, std::string_view operand) {
  const JsonKind kind = JsonKindOf(operand);
  if (value.kind == Value::Kind::kText) {
    return kind == JsonKind::kString && SameText(value.text, operand);
  }
  const JsonKind own =
      value.kind == Value::Kind::kNumber ? JsonKind::kNumber : JsonKindOf(value.text);
  if (own != kind) return false;
  switch (kind) {
    case JsonKind::kNumber:
      return CompareJsonNumbers(value.text, operand) == std::strong_ordering::equal;
    case JsonKind::kString: {
      std::string content;
      AppendJsonContent(value.text, content);
      return SameText(content, operand);
    }
    default:
      return value.text == operand;
  }
}

}  // namespace

class ConditionCompiler {
 public:
  Condition Compile(const ValueTree& tree, const std::string& path) {
    Condition condition;
    if (tree.kind != ValueTree::Kind::kMap) {
      Complain(path, "must be a mapping such as {value: request.query.x, exists: true}");
      return condition;
    }
    const ValueTree* const value = tree.Find("value");
    const auto known = [&tree](std::string_view key) { return tree.Find(key) != nullptr; };
    const auto combinations = std::ranges::count_if(kCombinations, known);
    const auto comparisons = std::ranges::count_if(kComparisons, known);
    for (const std::string& key : tree.keys) {
      if (key == "value" || std::ranges::find(kComparisons, key) != kComparisons.end() ||
          std::ranges::find(kCombinations, key) != kCombinations.end()) {
        continue;
      }
      Complain(fmt::format("{}.{}", path, key),
               fmt::format("unknown key; known here are value, {}, {}",
                           fmt::join(kComparisons, ", "), fmt::join(kCombinations, ", ")));
    }
    if (combinations + (value != nullptr ? 1 : 0) != 1) {
      Complain(path, "must have exactly one of value, all, any, not");
    } else if (value == nullptr) {
      if (comparisons > 0) Complain(path, "a comparison needs `value`");
      Combine(tree, path, condition);
    } else if (comparisons != 1) {
      Complain(path, fmt::format("must have exactly one of {}", fmt::join(kComparisons, ", ")));
    } else {
      Compare(tree, path, condition);
    }
    return condition;
  }

  [[nodiscard]] std::vector<TreeProblem>& problems() { return problems_; }

 private:
  using Kind = Condition::Kind;

  void Complain(const std::string& path, std::string text) {
    problems_.push_back({.path = path, .text = std::move(text)});
  }

  void Combine(const ValueTree& tree, const std::string& path, Condition& condition) {
    if (const ValueTree* const inner = tree.Find("not")) {
      condition.kind_ = Kind::kNot;
      condition.parts_.push_back(Compile(*inner, path + ".not"));
      return;
    }
    const bool is_all = tree.Find("all") != nullptr;
    const std::string list_path = path + (is_all ? ".all" : ".any");
    const ValueTree& list = *tree.Find(is_all ? "all" : "any");
    condition.kind_ = is_all ? Kind::kAll : Kind::kAny;
    if (list.kind != ValueTree::Kind::kList || list.items.empty()) {
      return Complain(list_path, "must be a list of conditions");
    }
    for (std::size_t i = 0; i < list.items.size(); ++i)
      condition.parts_.push_back(Compile(list.items[i], fmt::format("{}[{}]", list_path, i)));
  }

  void Compare(const ValueTree& tree, const std::string& path, Condition& condition) {
    const ValueTree& value = *tree.Find("value");
    std::expected<Reference, std::string> reference =
        std::unexpected("must be a reference, without braces");
    if (value.is_scalar()) reference = Reference::Parse(value.text);
    if (!reference) return Complain(path + ".value", reference.error());
    condition.reference_ = std::move(*reference);
    const auto* const name = std::ranges::find_if(
        kComparisons, [&tree](std::string_view key) { return tree.Find(key) != nullptr; });
    const std::string operand_path = fmt::format("{}.{}", path, *name);
    const ValueTree& operand = *tree.Find(*name);
    if (*name == "exists") {
      TakeExists(operand, operand_path, condition);
    } else if (*name == "equals") {
      condition.kind_ = Kind::kIn;
      TakeOperand(operand, operand_path, condition);
    } else if (*name == "in") {
      TakeList(operand, operand_path, condition);
    } else {
      TakeBound(*name, operand, operand_path, condition);
    }
  }

  void TakeExists(const ValueTree& operand, const std::string& path, Condition& condition) {
    const bool is_word = operand.kind == ValueTree::Kind::kWord;
    if (!is_word || (operand.text != "true" && operand.text != "false")) {
      return Complain(path, "must be true or false");
    }
    condition.kind_ = operand.text == "true" ? Kind::kExists : Kind::kAbsent;
  }

  void TakeOperand(const ValueTree& operand, const std::string& path, Condition& condition) {
    if (!operand.is_scalar()) {
      return Complain(path,
                      "must be a text, a number, true or false; for null write exists: false");
    }
    std::string json = JsonOf(operand);
    const JsonKind kind = JsonKindOf(json);
    const Reference& reference = condition.reference_;
    if (reference.is_text() && kind != JsonKind::kString) {
      return Complain(path, fmt::format("{} is always a text, so it never equals {}; write \"{}\"",
                                        reference.text, json, json));
    }
    if (reference.is_number() && kind != JsonKind::kNumber) {
      return Complain(
          path, fmt::format("{} is always a number, so it never equals {}", reference.text, json));
    }
    condition.operands_.push_back(std::move(json));
  }

  void TakeList(const ValueTree& operand, const std::string& path, Condition& condition) {
    condition.kind_ = Kind::kIn;
    if (operand.kind != ValueTree::Kind::kList || operand.items.empty()) {
      return Complain(path, "must be a list of texts, numbers, true or false");
    }
    for (std::size_t i = 0; i < operand.items.size(); ++i)
      TakeOperand(operand.items[i], fmt::format("{}[{}]", path, i), condition);
  }

  void TakeBound(std::string_view name,
                 const ValueTree& operand,
                 const std::string& path,
                 Condition& condition) {
    if (operand.kind != ValueTree::Kind::kWord || !IsNumber(operand.text)) {
      return Complain(path, "must be a number");
    }
    condition.bound_ = operand.text;
    condition.kind_ = name == "gt"    ? Kind::kGreater
                      : name == "gte" ? Kind::kGreaterOrEqual
                      : name == "lt"  ? Kind::kLess
                                      : Kind::kLessOrEqual;
  }

  std::vector<TreeProblem> problems_;
};

std::expected<Condition, std::vector<TreeProblem>> Condition::Compile(const ValueTree& tree) {
  ConditionCompiler compiler;
  Condition condition = compiler.Compile(tree, "");
  if (!compiler.problems().empty()) return std::unexpected(std::move(compiler.problems()));
  return condition;
}

bool Condition::Holds(Scope& scope) const {
  const auto holds = [&scope](const Condition& part) { return part.Holds(scope); };
  if (kind_ == Kind::kAll) return std::ranges::all_of(parts_, holds);
  if (kind_ == Kind::kAny) return std::ranges::any_of(parts_, holds);
  if (kind_ == Kind::kNot) return !parts_.front().Holds(scope);

  const Value value = scope.ValueOf(reference_);
  if (kind_ == Kind::kExists) return !value.is_nothing();
  if (kind_ == Kind::kAbsent) return value.is_nothing();
  if (value.is_nothing()) return false;
  if (kind_ == Kind::kIn) {
    return std::ranges::any_of(
        operands_, [&value](const std::string& operand) { return Equal(value, operand); });
  }
  if (!IsNumber(value.text)) return false;
  const std::strong_ordering order = CompareJsonNumbers(value.text, bound_);
  switch (kind_) {
    case Kind::kGreater:
      return order > 0;
    case Kind::kGreaterOrEqual:
      return order >= 0;
    case Kind::kLess:
      return order < 0;
    default:
      return order <= 0;
  }
}

}  // namespace sluice::gateway::flows
