// TextTree: YAML (or JSON) text as a tree of scalars, lists and mappings with their places.
//
// A thin layer over yaml-cpp's event parser. What yaml-cpp would guess stays text: `off`, `yes` and
// `0x10` are the strings a person wrote, and only an empty value, `~` and `null` are null. Nothing
// is merged or dropped, so that duplicate keys can be reported. An alias is its anchor's node once
// more, not a copy, and its expanded size is bounded: a text cannot cost more than its length.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::gateway::config {

struct Mark {
  int line = 0;  // Both from 1; 0: the text as a whole.
  int column = 0;
  friend auto operator<=>(const Mark&, const Mark&) = default;
};

using NodeId = std::size_t;

struct TextNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  Mark mark;
  std::string text;           // Of a scalar.
  bool is_quoted = false;     // A scalar in quotes, or a block of text.
  std::vector<NodeId> items;  // Of a list; of a mapping key, value, key, value, …
  std::size_t expanded = 1;   // Nodes in this subtree, aliases counted as often as they stand.
  int height = 1;             // Levels in this subtree.
};

struct TextTree {
  std::vector<TextNode> nodes;
  NodeId root = 0;

  [[nodiscard]] const TextNode& operator[](NodeId id) const { return nodes[id]; }
};

struct TextProblem {
  Mark mark;
  std::string text;
};

// Reads one document within the bounds of load.h (kConfigBytesMax, kConfigDepthMax,
// kConfigNodesMax). Never throws; UTF-8 only. The tree of an empty text is one null.
[[nodiscard]] std::expected<TextTree, TextProblem> ReadTextTree(std::string_view text);

}  // namespace sluice::gateway::config
