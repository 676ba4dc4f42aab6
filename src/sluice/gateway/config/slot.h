// Slot: one place in a Config that text can fill, whatever its type.
//
// The reader, the effective-config dump, the JSON Schema and the reference page all walk the same
// slots, which describe.cc names once, field by field; so none of them can forget one. A slot
// refers to the value it was made for and lives only during one call.

#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace sluice::gateway::config {

using Json = nlohmann::ordered_json;

class ScalarSlot;
class ObjectSlot;
class ListSlot;
class MapSlot;
class OptionalSlot;
class ChoiceSlot;
class TreeSlot;

class SlotVisitor {
 public:
  virtual ~SlotVisitor() = default;
  virtual void OnScalar(ScalarSlot& slot) = 0;
  virtual void OnObject(ObjectSlot& slot) = 0;
  virtual void OnList(ListSlot& slot) = 0;
  virtual void OnMap(MapSlot& slot) = 0;
  virtual void OnOptional(OptionalSlot& slot) = 0;
  virtual void OnChoice(ChoiceSlot& slot) = 0;
  virtual void OnTree(TreeSlot& slot) = 0;  // tree_slot.h
};

class Slot {
 public:
  virtual ~Slot() = default;
  virtual void Accept(SlotVisitor& visitor) = 0;
};

// What describe.cc says about a field beyond its type.
struct FieldInfo {
  std::string_view name;
  std::string_view doc;           // For people; one or two sentences.
  bool required = false;          // Absence is a problem.
  std::string_view default_text;  // Instead of the printed default, where that would mislead.
  std::string_view hint;          // What to do instead of a refused value.
};

// Sees the fields of one object in the order of their declaration.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void Field(const FieldInfo& info, Slot&& slot) = 0;
  // Keys that the vocabulary reserves and this version refuses.
  virtual void Later(std::initializer_list<std::string_view> keys) = 0;
};

// The rule that a value or key breaks which the vocabulary keeps for later.
inline constexpr std::string_view kNotYet = "is not available yet";

// A number, a text, a word: one YAML scalar.
class ScalarSlot : public Slot {
 public:
  // Takes the value, or says which rule `text` breaks ("must be 1..10"). A text that breaks a rule
  // is kept where it can be, so that references to a badly named thing are not problems, too.
  [[nodiscard]] virtual std::optional<std::string> Read(std::string_view text) = 0;
  [[nodiscard]] virtual Json Value() const = 0;
  [[nodiscard]] virtual Json Schema() const = 0;
  [[nodiscard]] virtual std::string type() const = 0;   // "duration"
  [[nodiscard]] virtual std::string range() const = 0;  // "1ms..24h", or empty.
  // What a misspelt value may have meant.
  [[nodiscard]] virtual std::vector<std::string_view> words() const { return {}; }
  void Accept(SlotVisitor& visitor) final { visitor.OnScalar(*this); }
};

class ObjectSlot : public Slot {
 public:
  virtual void VisitFields(FieldVisitor& visitor) = 0;
  // Equal for objects of one C++ type.
  [[nodiscard]] virtual const void* type_tag() const = 0;
  void Accept(SlotVisitor& visitor) final { visitor.OnObject(*this); }
};

class ListSlot : public Slot {
 public:
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::size_t size_min() const = 0;
  [[nodiscard]] virtual std::size_t size_max() const = 0;
  virtual void Resize(std::size_t size) = 0;  // New items have their defaults.
  virtual void VisitItem(std::size_t index, SlotVisitor& visitor) = 0;
  virtual void VisitSample(SlotVisitor& visitor) = 0;  // An item with its defaults.
  void Accept(SlotVisitor& visitor) final { visitor.OnList(*this); }
};

class MapSlot : public Slot {
 public:
  [[nodiscard]] virtual std::vector<std::string> keys() const = 0;
  [[nodiscard]] virtual std::size_t size_max() const = 0;
  // The rule that `key` breaks, if any.
  [[nodiscard]] virtual std::optional<std::string> CheckKey(std::string_view key) const = 0;
  virtual void Clear() = 0;
  // Visits the value of `key`, making it first if need be.
  virtual void VisitValue(const std::string& key, SlotVisitor& visitor) = 0;
  virtual void VisitSample(SlotVisitor& visitor) = 0;
  void Accept(SlotVisitor& visitor) final { visitor.OnMap(*this); }
};

class OptionalSlot : public Slot {
 public:
  [[nodiscard]] virtual bool has_value() const = 0;
  virtual void VisitValue(SlotVisitor& visitor) = 0;  // Makes the value first if need be.
  virtual void VisitSample(SlotVisitor& visitor) = 0;
  void Accept(SlotVisitor& visitor) final { visitor.OnOptional(*this); }
};

// One way out of several: `source_ip`, or `{header: x-user-id}`.
struct Alternative {
  std::string_view tag;
  bool takes_text = true;  // false: the bare word is the whole value.
};

class ChoiceSlot : public Slot {
 public:
  [[nodiscard]] virtual std::vector<Alternative> alternatives() const = 0;
  [[nodiscard]] virtual std::vector<std::string_view> later_tags() const = 0;
  // Where a bare value is no word but a number, say: its slot. Null: bare values are words.
  [[nodiscard]] virtual ScalarSlot* bare() { return nullptr; }
  // `tag` is one of alternatives(). Says which rule `text` breaks.
  [[nodiscard]] virtual std::optional<std::string> Read(std::string_view tag,
                                                        std::string_view text) = 0;
  [[nodiscard]] virtual Json Value() const = 0;
  void Accept(SlotVisitor& visitor) final { visitor.OnChoice(*this); }
};

}  // namespace sluice::gateway::config
