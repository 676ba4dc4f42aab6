// The slots of single values: counts, durations, sizes, words, texts.
//
// Each function makes the slot of one value with its range. A slot refers to the value and to
// nothing else, so it may outlive everything but that.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/slot.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {

template <typename T>
struct Range {
  T min{};
  T max{};
};

class CountSlot final : public ScalarSlot {
 public:
  // `zero_word` is how the value 0 is written ("auto"); empty where 0 is a number like others.
  CountSlot(std::int64_t& value, Range<std::int64_t> range, std::string_view zero_word)
      : value_(value), range_(range), zero_word_(zero_word) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "count"; }
  [[nodiscard]] std::string range() const override;

 private:
  std::int64_t& value_;
  Range<std::int64_t> range_;
  std::string_view zero_word_;
};

inline CountSlot Count(std::int64_t& value, std::int64_t min, std::int64_t max) {
  return {value, {min, max}, ""};
}
inline CountSlot CountOr(std::string_view zero_word, std::int64_t& value, std::int64_t max) {
  return {value, {1, max}, zero_word};
}

class NumberSlot final : public ScalarSlot {
 public:
  NumberSlot(double& value, Range<double> range, std::string_view type)
      : value_(value), range_(range), type_(type) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return std::string(type_); }
  [[nodiscard]] std::string range() const override;

 private:
  double& value_;
  Range<double> range_;
  std::string_view type_;
};

inline NumberSlot Number(double& value, double min, double max) {
  return {value, {min, max}, "number"};
}
inline NumberSlot Percent(double& value, double min = 0) {
  return {value, {min, 100}, "percent"};
}
inline NumberSlot Ratio(double& value) {
  return {value, {0, 1}, "ratio"};
}

class DurationSlot final : public ScalarSlot {
 public:
  DurationSlot(Nanos& value, Range<Nanos> range) : value_(value), range_(range) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "duration"; }
  [[nodiscard]] std::string range() const override;

 private:
  Nanos& value_;
  Range<Nanos> range_;
};

inline DurationSlot Duration(Nanos& value, Nanos min, Nanos max) {
  return {value, {min, max}};
}

enum class SizeUnit : std::uint8_t { kBytes, kBytesPerSecond };

class SizeSlot final : public ScalarSlot {
 public:
  SizeSlot(Bytes& value, Range<Bytes> range, SizeUnit unit)
      : value_(value), range_(range), unit_(unit) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override;
  [[nodiscard]] std::string range() const override;

 private:
  [[nodiscard]] std::string Print(Bytes value) const;

  Bytes& value_;
  Range<Bytes> range_;
  SizeUnit unit_;
};

inline SizeSlot Size(Bytes& value, Bytes min, Bytes max) {
  return {value, {min, max}, SizeUnit::kBytes};
}
inline SizeSlot SizePerSecond(Bytes& value, Bytes max) {
  return {value, {0, max}, SizeUnit::kBytesPerSecond};
}

class SwitchSlot final : public ScalarSlot {
 public:
  explicit SwitchSlot(bool& value) : value_(value) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "switch"; }
  [[nodiscard]] std::string range() const override { return "true, false"; }

 private:
  bool& value_;
};

inline SwitchSlot Switch(bool& value) {
  return SwitchSlot(value);
}

class TextSlot final : public ScalarSlot {
 public:
  TextSlot(std::string& value, const TextRule& rule) : value_(value), rule_(rule) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return std::string(rule_.type); }
  [[nodiscard]] std::string range() const override { return {}; }

 private:
  std::string& value_;
  const TextRule& rule_;
};

inline TextSlot Text(std::string& value, const TextRule& rule) {
  return {value, rule};
}

// The words of an enumeration, and those that the vocabulary keeps for later.
struct Words {
  std::span<const std::string_view> now;  // In the order of the enumerators.
  std::span<const std::string_view> later = {};
  std::string_view later_hint = {};  // What will bring them, or what to do until then.
};

// Which rule a text that is none of `words.now` breaks.
[[nodiscard]] std::string NotOneOf(const Words& words, std::string_view text);

template <typename E>
class WordSlot final : public ScalarSlot {
 public:
  WordSlot(E& value, Words words) : value_(value), words_(words) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override {
    for (std::size_t i = 0; i < words_.now.size(); ++i) {
      if (words_.now[i] != text) continue;
      value_ = static_cast<E>(i);
      return std::nullopt;
    }
    return NotOneOf(words_, text);
  }
  [[nodiscard]] Json Value() const override {
    return std::string(words_.now[static_cast<std::size_t>(value_)]);
  }
  [[nodiscard]] Json Schema() const override {
    Json schema;
    schema["enum"] = Json::array();
    for (const std::string_view word : words_.now)
      schema["enum"].push_back(std::string(word));
    return schema;
  }
  [[nodiscard]] std::string type() const override { return "word"; }
  [[nodiscard]] std::vector<std::string_view> words() const override {
    return {words_.now.begin(), words_.now.end()};
  }
  [[nodiscard]] std::string range() const override {
    std::string range;
    for (const std::string_view word : words_.now) {
      if (!range.empty()) range += ", ";
      range += word;
    }
    return range;
  }

 private:
  E& value_;
  Words words_;
};

template <typename E>
WordSlot<E> Word(E& value, Words words) {
  return {value, words};
}

// `mode` of every guard.
[[nodiscard]] WordSlot<GuardMode> Mode(GuardMode& value);

// A duration, or a period of the calendar.
class PeriodSlot final : public ScalarSlot {
 public:
  PeriodSlot(Nanos& length, CalendarPeriod& calendar, Range<Nanos> range)
      : length_(length), calendar_(calendar), range_(range) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "duration or word"; }
  [[nodiscard]] std::vector<std::string_view> words() const override;
  [[nodiscard]] std::string range() const override;

 private:
  Nanos& length_;
  CalendarPeriod& calendar_;
  Range<Nanos> range_;
};

inline PeriodSlot Period(Nanos& length, CalendarPeriod& calendar, Nanos min, Nanos max) {
  return {length, calendar, {min, max}};
}

class StatusRangeSlot final : public ScalarSlot {
 public:
  explicit StatusRangeSlot(StatusRange& value) : value_(value) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "status"; }
  [[nodiscard]] std::string range() const override { return "503, 5xx, 500-504"; }

 private:
  StatusRange& value_;
};

class RetryConditionSlot final : public ScalarSlot {
 public:
  explicit RetryConditionSlot(RetryCondition& value) : value_(value) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "condition"; }
  [[nodiscard]] std::vector<std::string_view> words() const override;
  [[nodiscard]] std::string range() const override;

 private:
  RetryCondition& value_;
};

// The size of a sliding window: a duration sets `time_size`, a bare number `call_size`.
class WindowSizeSlot final : public ScalarSlot {
 public:
  explicit WindowSizeSlot(SlidingWindowConfig& window) : window_(window) {}
  [[nodiscard]] std::optional<std::string> Read(std::string_view text) override;
  [[nodiscard]] Json Value() const override;
  [[nodiscard]] Json Schema() const override;
  [[nodiscard]] std::string type() const override { return "duration or count"; }
  [[nodiscard]] std::string range() const override;

 private:
  SlidingWindowConfig& window_;
};

}  // namespace sluice::gateway::config
