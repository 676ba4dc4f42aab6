#include "sluice/gateway/config/scalar_slots.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sluice/gateway/config/quantity.h"

namespace sluice::gateway::config {
namespace {

using Broken = std::optional<std::string>;

constexpr std::string_view kDurationPattern = "^([0-9]+(\\.[0-9]+)?(d|h|ms|m|s|us|ns))+$";
constexpr std::string_view kSizePattern = "^[0-9]+(B|KiB|MiB|GiB|TiB)$";
constexpr std::string_view kSizePerSecondPattern = "^[0-9]+(B|KiB|MiB|GiB|TiB)(/s)?$";
constexpr std::string_view kStatusPattern = "^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?)$";

constexpr Range<Nanos> kWindowTimeRange{std::chrono::milliseconds(100), std::chrono::hours(1)};
constexpr Range<std::int64_t> kWindowCallRange{1, 100'000};

constexpr std::array<std::string_view, 3> kModeWords{"enforce", "shadow", "disabled"};
// In the order of the enumerators; the first is no word of the configuration.
constexpr std::array<std::string_view, 7> kCalendarWords{"",     "minute", "hour", "day",
                                                         "week", "month",  "year"};
constexpr std::array<std::string_view, 3> kRetryWords{"connect_failure", "reset", "timeout"};

Json TextSchema(std::string_view pattern) {
  Json schema;
  schema["type"] = "string";
  if (!pattern.empty()) schema["pattern"] = std::string(pattern);
  return schema;
}

std::optional<StatusRange> ReadStatusRange(std::string_view text) {
  if (text.size() == 3 && text.ends_with("xx") && text[0] >= '1' && text[0] <= '5') {
    const auto first = static_cast<std::uint16_t>((text[0] - '0') * 100);
    return StatusRange{.first = first, .last = static_cast<std::uint16_t>(first + 99)};
  }
  const std::size_t dash = text.find('-');
  const std::string_view low = text.substr(0, dash);
  const std::string_view high = dash == std::string_view::npos ? low : text.substr(dash + 1);
  const std::optional<std::int64_t> first = ReadCount(low);
  const std::optional<std::int64_t> last = ReadCount(high);
  if (!first || !last || *first < 100 || *last > 599 || *first > *last) return std::nullopt;
  return StatusRange{.first = static_cast<std::uint16_t>(*first),
                     .last = static_cast<std::uint16_t>(*last)};
}

std::string PrintStatusRange(const StatusRange& range) {
  if (range.first % 100 == 0 && range.last == range.first + 99) {
    return fmt::format("{}xx", range.first / 100);
  }
  if (range.first == range.last) return fmt::format("{}", range.first);
  return fmt::format("{}-{}", range.first, range.last);
}

std::string NeedsUnit(std::string_view text, std::string_view example) {
  const bool bare = ReadNumber(text).has_value();
  return bare ? fmt::format("needs a unit such as \"{}\"", example) : std::string();
}

}  // namespace

std::string CountSlot::range() const {
  const std::string numbers = fmt::format("{}..{}", range_.min, range_.max);
  return zero_word_.empty() ? numbers : fmt::format("{} or {}", numbers, zero_word_);
}

Broken CountSlot::Read(std::string_view text) {
  if (!zero_word_.empty() && text == zero_word_) {
    value_ = 0;
    return std::nullopt;
  }
  const std::optional<std::int64_t> number = ReadCount(text);
  if (!number) return fmt::format("must be a whole number of {}", range());
  if (*number < range_.min || *number > range_.max) return fmt::format("must be {}", range());
  value_ = *number;
  return std::nullopt;
}

Json CountSlot::Value() const {
  if (!zero_word_.empty() && value_ == 0) return std::string(zero_word_);
  return value_;
}

Json CountSlot::Schema() const {
  Json number = {{"type", "integer"}, {"minimum", range_.min}, {"maximum", range_.max}};
  if (zero_word_.empty()) return number;
  Json schema;
  schema["anyOf"] = Json::array({number, Json{{"const", std::string(zero_word_)}}});
  return schema;
}

std::string NumberSlot::range() const {
  return fmt::format("{}..{}", PrintNumber(range_.min), PrintNumber(range_.max));
}

Broken NumberSlot::Read(std::string_view text) {
  const std::optional<double> number = ReadNumber(text);
  if (!number) return fmt::format("must be a number of {}", range());
  if (*number < range_.min || *number > range_.max) return fmt::format("must be {}", range());
  value_ = *number;
  return std::nullopt;
}

Json NumberSlot::Value() const {
  // 50 rather than 50.0: every range here is within what an int64 holds.
  if (std::floor(value_) == value_) return static_cast<std::int64_t>(value_);
  return value_;
}

Json NumberSlot::Schema() const {
  return {{"type", "number"}, {"minimum", range_.min}, {"maximum", range_.max}};
}

std::string DurationSlot::range() const {
  return fmt::format("{}..{}", PrintDuration(range_.min), PrintDuration(range_.max));
}

Broken DurationSlot::Read(std::string_view text) {
  const std::optional<Nanos> duration = ReadDuration(text);
  if (!duration) {
    const std::string unit = NeedsUnit(text, "250ms");
    return unit.empty() ? "must be a duration such as \"250ms\", \"10s\" or \"1m30s\"" : unit;
  }
  if (*duration < range_.min || *duration > range_.max) return fmt::format("must be {}", range());
  value_ = *duration;
  return std::nullopt;
}

Json DurationSlot::Value() const {
  return PrintDuration(value_);
}

Json DurationSlot::Schema() const {
  return TextSchema(kDurationPattern);
}

std::string SizeSlot::type() const {
  return unit_ == SizeUnit::kBytes ? "size" : "size per second";
}

std::string SizeSlot::Print(Bytes value) const {
  return PrintSize(value) + (unit_ == SizeUnit::kBytes ? "" : "/s");
}

std::string SizeSlot::range() const {
  return fmt::format("{}..{}", Print(range_.min), Print(range_.max));
}

Broken SizeSlot::Read(std::string_view text) {
  std::string_view amount = text;
  if (unit_ == SizeUnit::kBytesPerSecond && amount.ends_with("/s")) amount.remove_suffix(2);
  const std::optional<Bytes> size = ReadSize(amount);
  if (!size) {
    const std::string unit = NeedsUnit(text, Print(64 * kKiB));
    return unit.empty() ? fmt::format("must be a size such as \"{}\"", Print(64 * kKiB)) : unit;
  }
  if (*size < range_.min || *size > range_.max) return fmt::format("must be {}", range());
  value_ = *size;
  return std::nullopt;
}

Json SizeSlot::Value() const {
  return Print(value_);
}

Json SizeSlot::Schema() const {
  return TextSchema(unit_ == SizeUnit::kBytes ? kSizePattern : kSizePerSecondPattern);
}

Broken SwitchSlot::Read(std::string_view text) {
  if (text != "true" && text != "false") return "must be true or false";
  value_ = text == "true";
  return std::nullopt;
}

Json SwitchSlot::Value() const {
  return value_;
}

Json SwitchSlot::Schema() const {
  return {{"type", "boolean"}};
}

Broken TextSlot::Read(std::string_view text) {
  value_ = std::string(text);
  return rule_.check(text);
}

Json TextSlot::Value() const {
  return value_;
}

Json TextSlot::Schema() const {
  return TextSchema(rule_.pattern);
}

std::string NotOneOf(const Words& words, std::string_view text) {
  for (const std::string_view word : words.later) {
    if (word != text) continue;
    if (words.later_hint.empty()) return std::string(kNotYet);
    return fmt::format("{}: {}", kNotYet, words.later_hint);
  }
  return fmt::format("must be one of {}", fmt::join(words.now, ", "));
}

WordSlot<GuardMode> Mode(GuardMode& value) {
  return Word(value, {.now = kModeWords});
}

std::vector<std::string_view> PeriodSlot::words() const {
  return {kCalendarWords.begin() + 1, kCalendarWords.end()};
}

std::string PeriodSlot::range() const {
  return fmt::format("{}..{}, {}", PrintDuration(range_.min), PrintDuration(range_.max),
                     fmt::join(words(), ", "));
}

Broken PeriodSlot::Read(std::string_view text) {
  for (std::size_t i = 1; i < kCalendarWords.size(); ++i) {
    if (kCalendarWords[i] != text) continue;
    calendar_ = static_cast<CalendarPeriod>(i);
    return std::nullopt;
  }
  calendar_ = CalendarPeriod::kNone;
  Broken broken = DurationSlot(length_, range_).Read(text);
  const bool is_word = broken && !text.empty() && (text[0] < '0' || text[0] > '9');
  return is_word ? fmt::format("must be a duration or one of {}", fmt::join(words(), ", "))
                 : broken;
}

Json PeriodSlot::Value() const {
  if (calendar_ == CalendarPeriod::kNone) return PrintDuration(length_);
  return std::string(kCalendarWords[static_cast<std::size_t>(calendar_)]);
}

Json PeriodSlot::Schema() const {
  Json enumeration;
  enumeration["enum"] = Json::array();
  for (const std::string_view word : words())
    enumeration["enum"].push_back(std::string(word));
  Json schema;
  schema["anyOf"] = Json::array({TextSchema(kDurationPattern), enumeration});
  return schema;
}

Broken StatusRangeSlot::Read(std::string_view text) {
  const std::optional<StatusRange> range = ReadStatusRange(text);
  if (!range) return "must be a status such as 503, 5xx or 500-504";
  value_ = *range;
  return std::nullopt;
}

Json StatusRangeSlot::Value() const {
  return PrintStatusRange(value_);
}

Json StatusRangeSlot::Schema() const {
  Json number = {{"type", "integer"}, {"minimum", 100}, {"maximum", 599}};
  Json schema;
  schema["anyOf"] = Json::array({number, TextSchema(kStatusPattern)});
  return schema;
}

std::string RetryConditionSlot::range() const {
  return fmt::format("{}, 503, 5xx, 500-504", fmt::join(kRetryWords, ", "));
}

std::vector<std::string_view> RetryConditionSlot::words() const {
  return {kRetryWords.begin(), kRetryWords.end()};
}

Broken RetryConditionSlot::Read(std::string_view text) {
  for (std::size_t i = 0; i < kRetryWords.size(); ++i) {
    if (kRetryWords[i] != text) continue;
    value_ = {.on = static_cast<RetryOn>(i), .statuses = {}};
    return std::nullopt;
  }
  const std::optional<StatusRange> statuses = ReadStatusRange(text);
  if (!statuses) {
    return fmt::format("must be one of {} or a status such as 503 or 5xx",
                       fmt::join(kRetryWords, ", "));
  }
  value_ = {.on = RetryOn::kStatus, .statuses = *statuses};
  return std::nullopt;
}

Json RetryConditionSlot::Value() const {
  if (value_.on == RetryOn::kStatus) return PrintStatusRange(value_.statuses);
  return std::string(kRetryWords[static_cast<std::size_t>(value_.on)]);
}

Json RetryConditionSlot::Schema() const {
  Json words;
  words["enum"] = Json::array();
  for (const std::string_view word : kRetryWords)
    words["enum"].push_back(std::string(word));
  Json number = {{"type", "integer"}, {"minimum", 100}, {"maximum", 599}};
  Json schema;
  schema["anyOf"] = Json::array({words, number, TextSchema(kStatusPattern)});
  return schema;
}

std::string WindowSizeSlot::range() const {
  return fmt::format("{}..{}, or {}..{} calls", PrintDuration(kWindowTimeRange.min),
                     PrintDuration(kWindowTimeRange.max), kWindowCallRange.min,
                     kWindowCallRange.max);
}

Broken WindowSizeSlot::Read(std::string_view text) {
  if (window_.type == WindowType::kCount) {
    Broken broken = CountSlot(window_.call_size, kWindowCallRange, "").Read(text);
    const bool is_duration = broken && ReadDuration(text);
    return is_duration ? "must be a number of calls, because type is count" : broken;
  }
  Broken broken = DurationSlot(window_.time_size, kWindowTimeRange).Read(text);
  const bool is_count = broken && ReadCount(text);
  return is_count ? "needs a unit such as \"10s\", because type is time" : broken;
}

Json WindowSizeSlot::Value() const {
  if (window_.type == WindowType::kCount) return window_.call_size;
  return PrintDuration(window_.time_size);
}

Json WindowSizeSlot::Schema() const {
  Json number = {
      {"type", "integer"}, {"minimum", kWindowCallRange.min}, {"maximum", kWindowCallRange.max}};
  Json schema;
  schema["anyOf"] = Json::array({TextSchema(kDurationPattern), number});
  return schema;
}

}  // namespace sluice::gateway::config
