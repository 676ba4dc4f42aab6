#include "sluice/gateway/config/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"

namespace sluice::gateway::config {
namespace {

struct TimeUnit {
  std::string_view name;
  std::int64_t nanos;
};

// Largest first: Print takes them in this order, and Read asks that a text does, too.
constexpr std::array<TimeUnit, 7> kTimeUnits{{{"d", 86'400'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"s", 1'000'000'000},
                                              {"ms", 1'000'000},
                                              {"us", 1'000},
                                              {"ns", 1}}};
constexpr std::size_t kFirstPrintedUnit = 1;  // "24h" is what people expect to read back.

struct BinaryUnit {
  std::string_view name;
  Bytes bytes;
};

constexpr std::array<BinaryUnit, 5> kBinaryUnits{
    {{"TiB", kMiB* kMiB}, {"GiB", kKiB* kMiB}, {"MiB", kMiB}, {"KiB", kKiB}, {"B", 1}}};

// The length of the leading "digits[.digits]"; 0 when there is none.
std::size_t NumberLength(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && wire::IsDigit(text[length]))
    ++length;
  if (length == 0 || length == text.size() || text[length] != '.') return length;
  std::size_t fraction = length + 1;
  while (fraction < text.size() && wire::IsDigit(text[fraction]))
    ++fraction;
  return fraction > length + 1 ? fraction : 0;
}

// `number` in units of `unit_nanos`, or nothing when it does not fit or is no whole nanosecond.
std::optional<std::int64_t> Scale(std::string_view number, std::int64_t unit_nanos) {
  const std::size_t point = number.find('.');
  const std::optional<std::int64_t> whole = ReadCount(number.substr(0, point));
  if (!whole || *whole > std::numeric_limits<std::int64_t>::max() / unit_nanos) return std::nullopt;
  std::int64_t nanos = *whole * unit_nanos;
  if (point == std::string_view::npos) return nanos;
  std::int64_t digit_nanos = unit_nanos;
  for (const char digit : number.substr(point + 1)) {
    if (digit_nanos % 10 != 0 && digit != '0') return std::nullopt;
    digit_nanos /= 10;
    const std::int64_t part = digit_nanos * (digit - '0');
    if (nanos > std::numeric_limits<std::int64_t>::max() - part) return std::nullopt;
    nanos += part;
  }
  return nanos;
}

}  // namespace

std::optional<std::int64_t> ReadCount(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> ReadNumber(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<Nanos> ReadDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  while (!text.empty()) {
    const std::size_t digits = NumberLength(text);
    if (digits == 0) return std::nullopt;
    std::size_t unit_end = digits;
    while (unit_end < text.size() && !wire::IsDigit(text[unit_end]))
      ++unit_end;
    const std::string_view name = text.substr(digits, unit_end - digits);
    while (next_unit < kTimeUnits.size() && kTimeUnits[next_unit].name != name)
      ++next_unit;
    if (next_unit == kTimeUnits.size()) return std::nullopt;
    const auto part = Scale(text.substr(0, digits), kTimeUnits[next_unit].nanos);
    if (!part || total > std::numeric_limits<std::int64_t>::max() - *part) return std::nullopt;
    total += *part;
    ++next_unit;
    text.remove_prefix(unit_end);
  }
  return Nanos(total);
}

std::optional<Bytes> ReadSize(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && wire::IsDigit(text[digits]))
    ++digits;
  const std::optional<std::int64_t> number = ReadCount(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const BinaryUnit& unit : kBinaryUnits) {
    if (text.substr(digits) != unit.name) continue;
    const auto whole = static_cast<Bytes>(*number);
    if (whole > std::numeric_limits<Bytes>::max() / unit.bytes) return std::nullopt;
    return whole * unit.bytes;
  }
  return std::nullopt;
}

std::string PrintNumber(double value) {
  return fmt::format("{}", value);
}

std::string PrintDuration(Nanos value) {
  if (value == Nanos(0)) return "0s";
  std::string text;
  std::int64_t rest = value.count();
  for (std::size_t i = kFirstPrintedUnit; i < kTimeUnits.size(); ++i) {
    const std::int64_t whole = rest / kTimeUnits[i].nanos;
    if (whole != 0) text += fmt::format("{}{}", whole, kTimeUnits[i].name);
    rest %= kTimeUnits[i].nanos;
  }
  return text;
}

std::string PrintSize(Bytes value) {
  for (const BinaryUnit& unit : kBinaryUnits) {
    if (value != 0 && value % unit.bytes == 0)
      return fmt::format("{}{}", value / unit.bytes, unit.name);
  }
  return fmt::format("{}B", value);
}

}  // namespace sluice::gateway::config
