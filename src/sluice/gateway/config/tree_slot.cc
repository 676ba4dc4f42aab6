#include "sluice/gateway/config/tree_slot.h"

#include "sluice/gateway/flows/json_text.h"

namespace sluice::gateway::config {

Json JsonOf(const flows::ValueTree& tree) {
  using Kind = flows::ValueTree::Kind;
  switch (tree.kind) {
    case Kind::kNull:
      return nullptr;
    case Kind::kWord:
      return Json::parse(flows::JsonOfWord(tree.text), nullptr, /*allow_exceptions=*/false);
    case Kind::kText:
      return tree.text;
    case Kind::kList: {
      Json list = Json::array();
      for (const flows::ValueTree& item : tree.items)
        list.push_back(JsonOf(item));
      return list;
    }
    case Kind::kMap: {
      Json map = Json::object();
      for (std::size_t i = 0; i < tree.items.size(); ++i)
        map[tree.keys[i]] = JsonOf(tree.items[i]);
      return map;
    }
  }
  return nullptr;
}

}  // namespace sluice::gateway::config
