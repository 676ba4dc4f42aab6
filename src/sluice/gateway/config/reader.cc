#include "sluice/gateway/config/reader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/slots.h"
#include "sluice/gateway/config/substitute.h"
#include "sluice/gateway/config/text_rules.h"
#include "sluice/gateway/config/tree_slot.h"

namespace sluice::gateway::config {
namespace {

struct SourceText {
  const TextTree& tree;
  const Environment& environment;
  bool may_lack_routes = false;
  Findings& findings;
};

std::string GotText(std::string_view text) {
  const bool is_bare = ReadNumber(text) || text == "true" || text == "false";
  return is_bare ? std::string(text) : fmt::format("\"{}\"", Shown(text));
}

std::string Got(const TextNode& node) {
  switch (node.kind) {
    case TextNode::Kind::kNull:
      return "nothing";
    case TextNode::Kind::kScalar:
      return GotText(node.text);
    case TextNode::Kind::kList:
      return "a list";
    case TextNode::Kind::kMap:
      return "a mapping";
  }
  return {};
}

// The keys of one mapping, each once.
class Keys {
 public:
  struct Entry {
    Mark mark;
    NodeId value = 0;
    bool taken = false;
  };

  Keys(const SourceText& source, const TextNode& node, const std::string& path) {
    for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
      const TextNode& key = source.tree[node.items[i]];
      if (key.kind != TextNode::Kind::kScalar) {
        source.findings.ComplainAt(key.mark, path,
                                   fmt::format("a key must be a text, got {}", Got(key)));
        continue;
      }
      const auto [entry, is_new] =
          entries_.try_emplace(key.text, Entry{key.mark, node.items[i + 1]});
      if (is_new) continue;
      source.findings.ComplainAt(
          key.mark, Child(path, key.text),
          fmt::format("duplicate key; it stands in line {} already", entry->second.mark.line));
    }
  }

  [[nodiscard]] Entry* Take(std::string_view key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    found->second.taken = true;
    return &found->second;
  }

  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& entries() const {
    return entries_;
  }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

class NodeReader final : public SlotVisitor {
 public:
  NodeReader(const SourceText& source, NodeId node, std::string path, std::string_view hint)
      : source_(source), node_(source.tree[node]), path_(std::move(path)), hint_(hint) {
    source_.findings.Record(path_, node_.mark);
  }

  void OnScalar(ScalarSlot& slot) override;
  void OnObject(ObjectSlot& slot) override;
  void OnList(ListSlot& slot) override;
  void OnMap(MapSlot& slot) override;
  void OnOptional(OptionalSlot& slot) override { slot.VisitValue(*this); }
  void OnChoice(ChoiceSlot& slot) override;
  void OnTree(TreeSlot& slot) override { slot.value() = ReadTree(node_, path_); }

 private:
  [[nodiscard]] flows::ValueTree ReadTree(const TextNode& node, const std::string& path);
  void Complain(std::string text) {
    source_.findings.ComplainAt(node_.mark, path_, std::move(text));
  }
  void ComplainKind(std::string_view kind, std::string_view advice) {
    Complain(fmt::format("must be {}, got {}{}", kind, Got(node_), advice));
  }
  [[nodiscard]] std::optional<std::string> Value(const TextNode& node);
  void ReadChoice(ChoiceSlot& slot, const std::string& tag, const TextNode* value);

  const SourceText& source_;
  const TextNode& node_;
  std::string path_;
  std::string_view hint_;
};

// Reads the fields of one mapping and complains about the keys that are left.
class FieldReader final : public FieldVisitor {
 public:
  FieldReader(const SourceText& source, const TextNode& node, const std::string& path)
      : source_(source), node_(node), path_(path), keys_(source, node, path) {}

  void Field(const FieldInfo& info, Slot&& slot) override {
    known_.push_back(info.name);
    const Keys::Entry* entry = keys_.Take(info.name);
    if (entry != nullptr) {
      NodeReader reader(source_, entry->value, Child(path_, info.name), info.hint);
      slot.Accept(reader);
    } else if (info.required && !(source_.may_lack_routes && path_.empty())) {
      source_.findings.ComplainAt(node_.mark, Child(path_, info.name), "is required");
    }
  }

  void Later(std::initializer_list<std::string_view> keys) override {
    for (const std::string_view key : keys) {
      if (const Keys::Entry* entry = keys_.Take(key)) {
        source_.findings.ComplainAt(entry->mark, Child(path_, key),
                                    fmt::format("{}; remove it", kNotYet));
      }
    }
  }

  void ComplainAboutTheRest() const {
    for (const auto& [key, entry] : keys_.entries()) {
      if (entry.taken) continue;
      const bool is_kept = !source_.findings.full();
      source_.findings.ComplainAt(entry.mark, Child(path_, key),
                                  is_kept ? UnknownKey(key) : std::string());
    }
  }

 private:
  [[nodiscard]] std::string UnknownKey(std::string_view key) const {
    if (key == "<<") return "merge keys are not read; repeat the settings";
    const std::string near = DidYouMean(key, known_);
    if (!near.empty()) return "unknown key" + near;
    return fmt::format("unknown key; known here are {}", fmt::join(known_, ", "));
  }

  const SourceText& source_;
  const TextNode& node_;
  const std::string& path_;
  Keys keys_;
  std::vector<std::string_view> known_;
};

// The scalar's text with its references replaced; complains and returns nothing on a bad one.
std::optional<std::string> NodeReader::Value(const TextNode& node) {
  auto value = Substitute(node.text, source_.environment);
  if (value) return std::move(*value);
  source_.findings.ComplainAt(node.mark, path_, std::move(value.error()));
  return std::nullopt;
}

void NodeReader::OnScalar(ScalarSlot& slot) {
  if (node_.kind != TextNode::Kind::kScalar) {
    const std::string range = slot.range().empty() ? "" : fmt::format(" ({})", slot.range());
    ComplainKind(fmt::format("a {}{}", slot.type(), range), "");
    return;
  }
  const std::optional<std::string> value = Value(node_);
  if (!value) return;
  const std::optional<std::string> broken = slot.Read(*value);
  if (!broken || source_.findings.full()) return;
  if (broken->starts_with(kNotYet)) {
    Complain(fmt::format("{} {}", GotText(*value), *broken));
    return;
  }
  const std::string near = DidYouMean(*value, slot.words());
  const std::string hint = hint_.empty() ? "" : fmt::format("; {}", hint_);
  Complain(fmt::format("{}, got {}{}{}", *broken, GotText(*value), near, hint));
}

void NodeReader::OnObject(ObjectSlot& slot) {
  if (node_.kind != TextNode::Kind::kMap) {
    const bool is_empty = node_.kind == TextNode::Kind::kNull;
    ComplainKind("a mapping", is_empty ? "; write {} for the defaults" : "");
    return;
  }
  FieldReader fields(source_, node_, path_);
  slot.VisitFields(fields);
  fields.ComplainAboutTheRest();
}

void NodeReader::OnList(ListSlot& slot) {
  if (node_.kind != TextNode::Kind::kList) {
    const bool is_empty = node_.kind == TextNode::Kind::kNull;
    ComplainKind("a list", is_empty ? "; write [] for none" : "; write it in [ ]");
    return;
  }
  const std::size_t size = node_.items.size();
  if (size < slot.size_min() || size > slot.size_max()) {
    Complain(
        fmt::format("must have {}..{} entries, got {}", slot.size_min(), slot.size_max(), size));
    if (size > slot.size_max()) return;
  }
  slot.Resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    NodeReader item(source_, node_.items[i], Child(path_, i), hint_);
    slot.VisitItem(i, item);
  }
}

void NodeReader::OnMap(MapSlot& slot) {
  if (node_.kind != TextNode::Kind::kMap) {
    const bool is_empty = node_.kind == TextNode::Kind::kNull;
    ComplainKind("a mapping", is_empty ? "; write {} for none" : "");
    return;
  }
  if (node_.items.size() / 2 > slot.size_max()) {
    Complain(fmt::format("must have at most {} entries, got {}", slot.size_max(),
                         node_.items.size() / 2));
    return;
  }
  slot.Clear();
  const Keys keys(source_, node_, path_);
  for (const auto& [key, entry] : keys.entries()) {
    const std::string path = Child(path_, key);
    if (const std::optional<std::string> broken = slot.CheckKey(key)) {
      source_.findings.ComplainAt(entry.mark, path,
                                  fmt::format("a key {}, got {}", *broken, GotText(key)));
    }
    NodeReader value(source_, entry.value, path, "");
    slot.VisitValue(key, value);
  }
}

void NodeReader::OnChoice(ChoiceSlot& slot) {
  if (node_.kind == TextNode::Kind::kScalar) {
    if (ScalarSlot* const bare = slot.bare()) return OnScalar(*bare);
    if (const auto tag = Value(node_)) ReadChoice(slot, *tag, nullptr);
    return;
  }
  const bool is_pair = node_.kind == TextNode::Kind::kMap && node_.items.size() == 2 &&
                       source_.tree[node_.items[0]].kind == TextNode::Kind::kScalar;
  if (!is_pair) {
    ComplainKind(slot.bare() == nullptr ? "one word or a mapping of one key"
                                        : "one value or a mapping of one key",
                 "");
    return;
  }
  ReadChoice(slot, source_.tree[node_.items[0]].text, &source_.tree[node_.items[1]]);
}

// Every part's place is recorded, so that whoever reads the tree can complain of it.
flows::ValueTree NodeReader::ReadTree(const TextNode& node, const std::string& path) {
  using Kind = flows::ValueTree::Kind;
  source_.findings.Record(path, node.mark);
  flows::ValueTree tree;
  switch (node.kind) {
    case TextNode::Kind::kNull:
      break;
    case TextNode::Kind::kScalar:
      tree.kind = node.is_quoted ? Kind::kText : Kind::kWord;
      tree.text = Value(node).value_or("");
      break;
    case TextNode::Kind::kList:
      tree.kind = Kind::kList;
      for (std::size_t i = 0; i < node.items.size(); ++i)
        tree.items.push_back(ReadTree(source_.tree[node.items[i]], Child(path, i)));
      break;
    case TextNode::Kind::kMap: {
      tree.kind = Kind::kMap;
      const Keys keys(source_, node, path);
      for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
        const std::string& key = source_.tree[node.items[i]].text;
        if (tree.Find(key) != nullptr) continue;  // Complained of.
        tree.items.push_back(ReadTree(source_.tree[node.items[i + 1]], Child(path, key)));
        tree.keys.push_back(key);
      }
      break;
    }
  }
  return tree;
}

void NodeReader::ReadChoice(ChoiceSlot& slot, const std::string& tag, const TextNode* value) {
  for (const std::string_view later : slot.later_tags()) {
    if (later == tag) return Complain(fmt::format("{} {}", GotText(tag), kNotYet));
  }
  std::vector<std::string_view> tags;
  const Alternative* chosen = nullptr;
  const std::vector<Alternative> alternatives = slot.alternatives();
  for (const Alternative& alternative : alternatives) {
    tags.push_back(alternative.tag);
    if (alternative.tag == tag) chosen = &alternative;
  }
  if (chosen == nullptr) {
    return Complain(fmt::format("must be one of {}, got {}{}", fmt::join(tags, ", "), GotText(tag),
                                DidYouMean(tag, tags)));
  }
  if (!chosen->takes_text) {
    if (value == nullptr) {
      (void)slot.Read(tag, "");
      return;
    }
    return Complain(fmt::format("takes nothing; write the bare word `{}`", tag));
  }
  if (value == nullptr || value->kind != TextNode::Kind::kScalar) {
    return Complain(fmt::format("needs a text; write {{{}: …}}", tag));
  }
  const std::optional<std::string> text = Value(*value);
  if (!text) return;
  if (const std::optional<std::string> broken = slot.Read(tag, *text)) {
    source_.findings.ComplainAt(value->mark, Child(path_, tag),
                                fmt::format("{}, got {}", *broken, GotText(*text)));
  }
}

}  // namespace

void ReadInto(Config& config,
              const TextTree& tree,
              const LoadOptions& options,
              Findings& findings) {
  const SourceText source{.tree = tree,
                          .environment = options.environment,
                          .may_lack_routes = options.may_lack_routes,
                          .findings = findings};
  if (tree[tree.root].kind == TextNode::Kind::kNull) {
    findings.ComplainAt({}, "", "is empty; a configuration needs listeners, upstreams and routes");
    return;
  }
  NodeReader reader(source, tree.root, "", "");
  ObjectSlotOf<Config>(config).Accept(reader);
}

}  // namespace sluice::gateway::config
