// ValueTree: a value of a configuration as it was written, for bodies and conditions of flows.
//
// Plain data. What a plain word means (a number, true, null or a text) is decided by JsonOfWord();
// a quoted text is a text.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::gateway::flows {

struct ValueTree {
  enum class Kind : std::uint8_t {
    kNull,
    kWord,  // Without quotes: 5, true, gold.
    kText,  // Quoted.
    kList,
    kMap,
  };

  Kind kind = Kind::kNull;
  std::string text;               // Of a word or a text.
  std::vector<std::string> keys;  // Of a map, beside `items`, each once.
  std::vector<ValueTree> items;   // Of a list or a map.

  [[nodiscard]] bool is_scalar() const { return kind == Kind::kWord || kind == Kind::kText; }
  // The value of `key`; null when there is none.
  [[nodiscard]] const ValueTree* Find(std::string_view key) const {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == key) return &items[i];
    }
    return nullptr;
  }
};

}  // namespace sluice::gateway::flows
