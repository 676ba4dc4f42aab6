#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/show.h"
#include "sluice/gateway/config/slots.h"
#include "sluice/gateway/config/tree_slot.h"

namespace sluice::gateway::config {
namespace {

// What a cell of the table says about one slot.
struct Cell {
  std::string type;
  std::string default_value = "none";
  std::string range;
  std::string suffix;            // What leads to the object inside: "[]" or ".<name>".
  const void* object = nullptr;  // The type of that object.
};

std::string Code(std::string_view text) {
  return text.empty() ? std::string() : fmt::format("`{}`", text);
}

class CellReader final : public SlotVisitor {
 public:
  [[nodiscard]] Cell Take() { return std::move(cell_); }

  void OnScalar(ScalarSlot& slot) override {
    cell_.type = slot.type();
    cell_.range = slot.range();
    const Json value = slot.Value();
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!text.empty()) cell_.default_value = Code(text);
  }
  void OnObject(ObjectSlot& slot) override {
    cell_.type = "mapping";
    cell_.object = slot.type_tag();
    cell_.default_value = "its defaults";
  }
  void OnList(ListSlot& slot) override {
    std::string defaults;
    for (std::size_t i = 0; i < slot.size(); ++i) {
      CellReader item;
      slot.VisitItem(i, item);
      defaults += fmt::format("{}{}", i == 0 ? "" : ", ", item.cell_.default_value);
    }
    slot.VisitSample(*this);
    cell_.type = fmt::format("list of {}", cell_.type);
    cell_.default_value = defaults.empty() ? "none" : defaults;
    cell_.suffix = "[]" + cell_.suffix;
    if (cell_.range.empty()) {
      cell_.range = fmt::format("{}..{} entries", slot.size_min(), slot.size_max());
    }
  }
  void OnMap(MapSlot& slot) override {
    slot.VisitSample(*this);
    cell_.type = fmt::format("{} by name", cell_.type);
    cell_.default_value = "none";
    cell_.suffix = ".<name>" + cell_.suffix;
  }
  void OnOptional(OptionalSlot& slot) override {
    slot.VisitSample(*this);
    cell_.default_value = "absent";
  }
  void OnTree(TreeSlot& slot) override { cell_.type = slot.type(); }
  void OnChoice(ChoiceSlot& slot) override {
    cell_.type = "choice";
    if (ScalarSlot* const bare = slot.bare()) {
      OnScalar(*bare);
      cell_.type += " or choice";
    }
    for (const Alternative& alternative : slot.alternatives()) {
      if (!cell_.range.empty()) cell_.range += ", ";
      cell_.range += alternative.takes_text ? fmt::format("{{{}: …}}", alternative.tag)
                                            : std::string(alternative.tag);
    }
  }

 private:
  Cell cell_;
};

// The tables of one object and, behind it, of those it leads to. `described` knows which types have
// had theirs.
class SectionWriter final : public FieldVisitor {
 public:
  using Described = std::map<const void*, std::string>;

  SectionWriter(std::string title, Described& described)
      : title_(std::move(title)), described_(described) {}

  void Field(const FieldInfo& info, Slot&& slot) override;
  void Later(std::initializer_list<std::string_view> keys) override {
    later_.insert(later_.end(), keys.begin(), keys.end());
  }

  [[nodiscard]] std::string Take() {
    std::string page = title_.empty() ? "### Top level\n\n" : fmt::format("### `{}`\n\n", title_);
    page += "| key | type | default | range | what it does |\n|---|---|---|---|---|\n";
    page += rows_;
    page += notes_;
    if (!later_.empty()) {
      page += fmt::format("\nReserved, not available yet: `{}`.\n", fmt::join(later_, "`, `"));
    }
    return page + inner_;
  }

 private:
  std::string title_;
  Described& described_;
  std::string rows_;
  std::string notes_;
  std::vector<std::string_view> later_;
  std::string inner_;
};

// Walks from a slot to the object inside it, through lists and the like.
class InnerWriter final : public SlotVisitor {
 public:
  explicit InnerWriter(SectionWriter& writer) : writer_(writer) {}
  void OnScalar(ScalarSlot& /*slot*/) override {}
  void OnObject(ObjectSlot& slot) override { slot.VisitFields(writer_); }
  void OnList(ListSlot& slot) override { slot.VisitSample(*this); }
  void OnMap(MapSlot& slot) override { slot.VisitSample(*this); }
  void OnOptional(OptionalSlot& slot) override { slot.VisitSample(*this); }
  void OnChoice(ChoiceSlot& /*slot*/) override {}
  void OnTree(TreeSlot& /*slot*/) override {}

 private:
  SectionWriter& writer_;
};

std::string InCell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

void SectionWriter::Field(const FieldInfo& info, Slot&& slot) {
  CellReader reader;
  slot.Accept(reader);
  const Cell cell = reader.Take();
  std::string default_value = cell.default_value;
  if (!info.default_text.empty()) default_value = std::string(info.default_text);
  if (info.required) default_value = "**required**";
  rows_ += fmt::format("| `{}` | {} | {} | {} | {} |\n", info.name, cell.type, default_value,
                       cell.range, InCell(info.doc));
  if (cell.object == nullptr) return;
  const std::string title =
      fmt::format("{}{}{}{}", title_, title_.empty() ? "" : ".", info.name, cell.suffix);
  const auto [first, is_new] = described_.try_emplace(cell.object, title);
  if (!is_new) {
    notes_ += fmt::format("\n`{}` has the keys of `{}`.\n", info.name, first->second);
    return;
  }
  SectionWriter section(title, described_);
  InnerWriter inner(section);
  slot.Accept(inner);
  inner_ += "\n" + section.Take();
}

}  // namespace

std::string ReferencePage() {
  Config defaults;
  SectionWriter::Described described;
  SectionWriter page("", described);
  Describe(page, defaults);
  return page.Take();
}

}  // namespace sluice::gateway::config
