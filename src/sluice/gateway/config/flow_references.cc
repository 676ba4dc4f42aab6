#include "sluice/gateway/config/flow_references.h"

#include <map>
#include <utility>

#include "sluice/gateway/config/findings.h"
#include "sluice/gateway/flows/condition.h"
#include "sluice/gateway/flows/text_template.h"

namespace sluice::gateway::config {
namespace {

class Collector {
 public:
  void AddText(const std::string& text, const std::string& path) {
    const auto parsed = flows::TextTemplate::Parse(text);
    if (!parsed) return;
    parsed->ForEachPlaceholder([this, &path](const flows::Placeholder& placeholder) {
      found_.push_back({.path = path, .reference = placeholder.reference});
    });
  }
  void AddTexts(const std::map<std::string, std::string>& texts, const std::string& path) {
    for (const auto& [key, text] : texts)
      AddText(text, Child(path, key));
  }
  void AddTree(const flows::ValueTree& tree, const std::string& path) {
    if (tree.is_scalar()) return AddText(tree.text, path);
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      const bool is_map = tree.kind == flows::ValueTree::Kind::kMap;
      AddTree(tree.items[i], is_map ? Child(path, tree.keys[i]) : Child(path, i));
    }
  }
  void AddCondition(const flows::ValueTree& tree, const std::string& path) {
    const auto condition = flows::Condition::Compile(tree);
    if (!condition) return;
    condition->ForEachReference([this, &path](const flows::Reference& reference) {
      found_.push_back({.path = path, .reference = reference});
    });
  }
  void AddReference(const std::string& text, const std::string& path) {
    auto reference = flows::Reference::Parse(text);
    if (reference) found_.push_back({.path = path, .reference = std::move(*reference)});
  }
  std::vector<PlacedReference> Take() { return std::move(found_); }

 private:
  std::vector<PlacedReference> found_;
};

}  // namespace

std::vector<PlacedReference> ReferencesOf(const FlowNodeConfig& node, const std::string& path) {
  Collector collector;
  collector.AddText(node.path, path + ".path");
  collector.AddTexts(node.query, path + ".query");
  collector.AddTexts(node.headers, path + ".headers");
  if (node.body) collector.AddTree(*node.body, path + ".body");
  if (node.when) collector.AddCondition(*node.when, path + ".when");
  if (node.for_each) collector.AddReference(node.for_each->items, path + ".for_each.items");
  return collector.Take();
}

std::vector<PlacedReference> ReferencesOf(const FlowResponseConfig& response,
                                          const std::string& path) {
  Collector collector;
  collector.AddText(response.status, path + ".status");
  collector.AddTexts(response.headers, path + ".headers");
  if (response.body) collector.AddTree(*response.body, path + ".body");
  return collector.Take();
}

}  // namespace sluice::gateway::config
