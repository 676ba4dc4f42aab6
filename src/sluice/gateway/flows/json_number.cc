#include "sluice/gateway/flows/json_number.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace sluice::gateway::flows {
namespace {

constexpr std::int64_t kExponentMax = 1'000'000'000'000;

// ±0.DIGITS × 10^point; neither the first nor the last digit is 0, and zero has none.
struct Decimal {
  bool is_negative = false;
  std::string digits;
  std::int64_t point = 0;
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// "E", then perhaps a sign, then digits.
std::int64_t ReadExponent(std::string_view text) {
  text.remove_prefix(1);
  const bool is_negative = text.starts_with('-');
  std::int64_t exponent = 0;
  for (const char c : text) {
    if (IsDigit(c)) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
  }
  return is_negative ? -exponent : exponent;
}

Decimal Read(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_of("-0123456789"), text.size()));
  Decimal number;
  number.is_negative = text.starts_with('-');
  if (number.is_negative) text.remove_prefix(1);
  bool is_fraction = false;
  for (; !text.empty() && (IsDigit(text[0]) || text[0] == '.'); text.remove_prefix(1)) {
    if (text[0] == '.') {
      is_fraction = true;
      continue;
    }
    const bool is_leading = text[0] == '0' && number.digits.empty();
    if (!is_leading) number.digits += text[0];
    if (!is_fraction && !is_leading) ++number.point;
    if (is_fraction && is_leading) --number.point;
  }
  if (text.starts_with('e') || text.starts_with('E')) number.point += ReadExponent(text);
  number.digits.resize(number.digits.find_last_not_of('0') + 1);  // npos + 1 is 0.
  if (number.digits.empty()) number = {};
  return number;
}

std::strong_ordering CompareSizes(const Decimal& one, const Decimal& other) {
  if (one.digits.empty() || other.digits.empty())
    return !one.digits.empty() <=> !other.digits.empty();
  if (one.point != other.point) return one.point <=> other.point;
  return one.digits.compare(other.digits) <=> 0;
}

}  // namespace

std::strong_ordering CompareJsonNumbers(std::string_view one, std::string_view other) {
  const Decimal a = Read(one);
  const Decimal b = Read(other);
  if (a.is_negative != b.is_negative) {
    return a.is_negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return a.is_negative ? CompareSizes(b, a) : CompareSizes(a, b);
}

}  // namespace sluice::gateway::flows
