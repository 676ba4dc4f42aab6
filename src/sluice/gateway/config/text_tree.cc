#include "sluice/gateway/config/text_tree.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/utf8.h"

namespace sluice::gateway::config {
namespace {

// What yaml-cpp gives to a scalar that is not plain and has no tag of its own (YAML 1.2
// section 6.9.1).
constexpr std::string_view kQuotedTag = "!";

Mark ToMark(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {.line = mark.line + 1, .column = mark.column + 1};
}

std::string TooDeep() {
  return fmt::format("must be nested at most {} deep", kConfigDepthMax);
}

// Builds the tree. yaml-cpp can be stopped in the middle only by an exception, so after the first
// problem the rest of the text is parsed and forgotten.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(TextNode::Kind::kNull, mark, anchor);
  }
  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    const auto id = Add(TextNode::Kind::kScalar, mark, anchor);
    if (!id) return;
    tree_.nodes[*id].text = value;
    tree_.nodes[*id].is_quoted = tag == kQuotedTag;
  }
  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(TextNode::Kind::kList, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(TextNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { Close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (problem_) return;
    if (anchor >= anchors_.size() || IsOpen(anchors_[anchor])) {
      Refuse(mark, "an alias must not stand inside what it repeats");
      return;
    }
    Attach(anchors_[anchor], mark);
  }

  [[nodiscard]] std::expected<TextTree, TextProblem> Take() {
    if (problem_) return std::unexpected(std::move(*problem_));
    if (tree_.nodes.empty()) tree_.nodes.emplace_back();
    return std::move(tree_);
  }

 private:
  [[nodiscard]] bool IsOpen(NodeId id) const {
    return std::find(open_.begin(), open_.end(), id) != open_.end();
  }

  void Refuse(const YAML::Mark& mark, std::string text) {
    if (!problem_) problem_ = TextProblem{.mark = ToMark(mark), .text = std::move(text)};
  }

  std::optional<NodeId> Add(TextNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (problem_) return std::nullopt;
    const NodeId id = tree_.nodes.size();
    tree_.nodes.push_back({.kind = kind, .mark = ToMark(mark), .text = {}, .items = {}});
    if (anchor != YAML::NullAnchor) {
      if (anchor >= anchors_.size()) anchors_.resize(anchor + 1);
      anchors_[anchor] = id;
    }
    const bool is_container = kind == TextNode::Kind::kList || kind == TextNode::Kind::kMap;
    if (!is_container) Attach(id, mark);
    return problem_ ? std::nullopt : std::optional(id);
  }

  void Open(TextNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    const std::optional<NodeId> id = Add(kind, mark, anchor);
    if (!id) return;
    open_.push_back(*id);
    if (open_.size() > static_cast<std::size_t>(kConfigDepthMax)) RefuseDepth(mark);
  }

  void Close() {
    if (problem_) return;
    const NodeId id = open_.back();
    open_.pop_back();
    Attach(id, YAML::Mark::null_mark());
  }

  // Makes the finished node `id` an item of the innermost open container.
  void Attach(NodeId id, const YAML::Mark& mark) {
    if (open_.empty()) {
      tree_.root = id;
      return;
    }
    TextNode& parent = tree_.nodes[open_.back()];
    const bool is_value = parent.kind == TextNode::Kind::kMap && parent.items.size() % 2 == 1;
    if (is_value && tree_.nodes[id].kind == TextNode::Kind::kNull) {
      // Nothing has no place of its own; yaml-cpp gives that of what comes next.
      tree_.nodes[id].mark = tree_.nodes[parent.items.back()].mark;
    }
    parent.items.push_back(id);
    parent.expanded += tree_.nodes[id].expanded;
    parent.height = std::max(parent.height, tree_.nodes[id].height + 1);
    const YAML::Mark& place = mark.is_null() ? LastMark() : mark;
    if (parent.expanded > static_cast<std::size_t>(kConfigNodesMax)) {
      Refuse(place, fmt::format("must have at most {} values, what aliases repeat included",
                                kConfigNodesMax));
    }
    if (parent.height > kConfigDepthMax) RefuseDepth(place);
  }

  [[nodiscard]] YAML::Mark LastMark() const {
    YAML::Mark mark;
    mark.line = tree_.nodes.back().mark.line - 1;
    mark.column = tree_.nodes.back().mark.column - 1;
    return mark;
  }

  void RefuseDepth(const YAML::Mark& mark) { Refuse(mark, TooDeep()); }

  TextTree tree_;
  std::vector<NodeId> open_;
  std::vector<NodeId> anchors_;  // By yaml-cpp's number of the anchor.
  std::optional<TextProblem> problem_;
};

// YAML has no surrogate pairs but JSON has, and writers that keep to ASCII make them of every
// emoji. Turns "\ud83d\ude00" into "\U0001f600"; columns behind it in that line shift by two.
std::string WithoutSurrogates(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] != '\\') {
      text += json[i++];
      continue;
    }
    if (const std::optional<char32_t> code = ReadSurrogatePair(json.substr(i))) {
      text += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(*code));
      i += kSurrogatePairBytes;
      continue;
    }
    text += json.substr(i, 2);  // An escaped backslash begins no escape.
    i += 2;
  }
  return text;
}

// Lines count from 1; empty where there is no such line.
std::string_view LineOf(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What yaml-cpp stumbled over: a tab that indents, in the line it complains of or the one before,
// is told as such, for its own words hardly say so.
TextProblem Explain(std::string_view text, const YAML::Exception& error) {
  const Mark mark = ToMark(error.mark);
  for (const int number : {mark.line, mark.line - 1}) {
    const std::string_view line = number < 1 ? std::string_view() : LineOf(text, number);
    const std::string_view indent = line.substr(0, line.find_first_not_of(" \t"));
    const std::size_t tab = indent.find('\t');
    if (tab == std::string_view::npos || indent.size() == line.size()) continue;
    return {.mark = {.line = number, .column = static_cast<int>(tab) + 1},
            .text = "must be indented by spaces, got a tab; YAML allows none for indentation"};
  }
  return {.mark = mark, .text = fmt::format("is no YAML: {}", error.msg)};
}

std::expected<TextTree, TextProblem> Parse(const std::string& text) {
  std::istringstream stream(text);
  TreeBuilder builder;
  // yaml-cpp reports by exceptions; none may leave this function.
  try {
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder) && parser) {
      return std::unexpected(TextProblem{.mark = {}, .text = "must be one YAML document"});
    }
  } catch (const YAML::DeepRecursion& error) {
    return std::unexpected(TextProblem{.mark = ToMark(error.mark), .text = TooDeep()});
  } catch (const YAML::Exception& error) {
    return std::unexpected(Explain(text, error));
  } catch (const std::exception& error) {
    return std::unexpected(
        TextProblem{.mark = {}, .text = fmt::format("cannot be read: {}", error.what())});
  }
  return builder.Take();
}

}  // namespace

std::expected<TextTree, TextProblem> ReadTextTree(std::string_view text) {
  if (text.size() > kConfigBytesMax) {
    return std::unexpected(TextProblem{
        .mark = {},
        .text = fmt::format("must have at most {} bytes, got {}", kConfigBytesMax, text.size())});
  }
  if (const std::optional<std::size_t> at = FindUnprintable(text)) {
    const std::string_view before = text.substr(0, *at);
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0.
    const Mark mark{.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                    .column = static_cast<int>(before.size() - line_begin) + 1};
    return std::unexpected(
        TextProblem{.mark = mark, .text = "must be UTF-8 text without control characters"});
  }
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  const bool is_json = start != std::string_view::npos && text[start] == '{';
  return Parse(is_json ? WithoutSurrogates(text) : std::string(text));
}

}  // namespace sluice::gateway::config
