// The slots of structures: objects, lists, maps, optional values. Scalars are in scalar_slots.h.
//
// Each function makes a slot for a value; describe.cc reads as a list of them. `make` functions
// turn a reference to one item into its slot.

#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/slot.h"

namespace sluice::gateway::config {

template <typename T>
class ObjectSlotOf final : public ObjectSlot {
 public:
  explicit ObjectSlotOf(T& object) : object_(object) {}
  void VisitFields(FieldVisitor& visitor) override { Describe(visitor, object_); }
  [[nodiscard]] const void* type_tag() const override { return &kTag; }

 private:
  static constexpr char kTag = 0;
  T& object_;
};

template <typename T>
ObjectSlotOf<T> Object(T& object) {
  return ObjectSlotOf<T>(object);
}

struct ListSize {
  std::size_t min = 0;
  std::size_t max = 1'000;
};

template <typename T, typename Make>
class ListSlotOf final : public ListSlot {
 public:
  ListSlotOf(std::vector<T>& items, ListSize size, Make make)
      : items_(items), size_(size), make_(std::move(make)) {}

  [[nodiscard]] std::size_t size() const override { return items_.size(); }
  [[nodiscard]] std::size_t size_min() const override { return size_.min; }
  [[nodiscard]] std::size_t size_max() const override { return size_.max; }
  void Resize(std::size_t size) override {
    items_.clear();
    items_.resize(size);
  }
  void VisitItem(std::size_t index, SlotVisitor& visitor) override {
    make_(items_[index]).Accept(visitor);
  }
  void VisitSample(SlotVisitor& visitor) override {
    T sample{};
    make_(sample).Accept(visitor);
  }

 private:
  std::vector<T>& items_;
  ListSize size_;
  Make make_;
};

template <typename T, typename Make>
ListSlotOf<T, Make> List(std::vector<T>& items, ListSize size, Make make) {
  return ListSlotOf<T, Make>(items, size, std::move(make));
}

template <typename T>
auto Objects(std::vector<T>& items, ListSize size) {
  return List(items, size, [](T& item) { return Object(item); });
}

using KeyRule = std::optional<std::string> (*)(std::string_view key);

template <typename T, typename Make>
class MapSlotOf final : public MapSlot {
 public:
  MapSlotOf(std::map<std::string, T>& values, KeyRule rule, Make make)
      : values_(values), rule_(rule), make_(std::move(make)) {}

  [[nodiscard]] std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    for (const auto& entry : values_)
      keys.push_back(entry.first);
    return keys;
  }
  [[nodiscard]] std::size_t size_max() const override { return 10'000; }
  [[nodiscard]] std::optional<std::string> CheckKey(std::string_view key) const override {
    return rule_(key);
  }
  void Clear() override { values_.clear(); }
  void VisitValue(const std::string& key, SlotVisitor& visitor) override {
    make_(values_[key]).Accept(visitor);
  }
  void VisitSample(SlotVisitor& visitor) override {
    T sample{};
    make_(sample).Accept(visitor);
  }

 private:
  std::map<std::string, T>& values_;
  KeyRule rule_;
  Make make_;
};

template <typename T, typename Make>
MapSlotOf<T, Make> Map(std::map<std::string, T>& values, KeyRule rule, Make make) {
  return MapSlotOf<T, Make>(values, rule, std::move(make));
}

template <typename T, typename Make>
class OptionalSlotOf final : public OptionalSlot {
 public:
  OptionalSlotOf(std::optional<T>& value, Make make) : value_(value), make_(std::move(make)) {}

  [[nodiscard]] bool has_value() const override { return value_.has_value(); }
  void VisitValue(SlotVisitor& visitor) override {
    if (!value_) value_.emplace();
    make_(*value_).Accept(visitor);
  }
  void VisitSample(SlotVisitor& visitor) override {
    T sample{};
    make_(sample).Accept(visitor);
  }

 private:
  std::optional<T>& value_;
  Make make_;
};

template <typename T, typename Make>
OptionalSlotOf<T, Make> Optional(std::optional<T>& value, Make make) {
  return OptionalSlotOf<T, Make>(value, std::move(make));
}

template <typename T>
auto OptionalObject(std::optional<T>& value) {
  return Optional(value, [](T& object) { return Object(object); });
}

}  // namespace sluice::gateway::config
