#include "sluice/wire/recording/card_number.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

constexpr std::size_t kDigitsMin = 13;
constexpr std::size_t kDigitsMax = 19;
// Groups of fewer digits are not looked at: no issuer prints them but at the end.
constexpr std::size_t kGroupMin = 4;
constexpr std::size_t kGroupMax = 6;
constexpr std::size_t kGroupsMax = kDigitsMax / kGroupMin + 1;
// A cut may leave at most as many of a number's digits as a receipt may show of its beginning.
constexpr std::size_t kCutDigitsMin = 7;

// No issuer's numbers begin with these, so what consists of them begins no card number, wherever
// one looks into it.
constexpr std::string_view kMaskDigits = "0179";

struct IssuerRange {
  std::uint32_t first;  // Of the six digits a number begins with.
  std::uint32_t last;
  std::size_t digits_min;
  std::size_t digits_max;
};

// ISO/IEC 7812 issuer ranges of the large schemes.
constexpr std::array kIssuers{
    IssuerRange{.first = 220000, .last = 220499, .digits_min = 16, .digits_max = 19},  // Mir
    IssuerRange{.first = 222100, .last = 272099, .digits_min = 16, .digits_max = 16},  // Mastercard
    IssuerRange{.first = 300000, .last = 305999, .digits_min = 14, .digits_max = 19},  // Diners
    IssuerRange{.first = 340000, .last = 349999, .digits_min = 15, .digits_max = 15},  // Amex
    IssuerRange{.first = 352800, .last = 358999, .digits_min = 16, .digits_max = 19},  // JCB
    IssuerRange{.first = 360000, .last = 369999, .digits_min = 14, .digits_max = 19},  // Diners
    IssuerRange{.first = 370000, .last = 379999, .digits_min = 15, .digits_max = 15},  // Amex
    IssuerRange{.first = 380000, .last = 399999, .digits_min = 14, .digits_max = 19},  // Diners
    IssuerRange{.first = 400000, .last = 499999, .digits_min = 13, .digits_max = 19},  // Visa
    IssuerRange{.first = 500000, .last = 509999, .digits_min = 13, .digits_max = 19},  // Maestro
    IssuerRange{.first = 510000, .last = 559999, .digits_min = 16, .digits_max = 16},  // Mastercard
    IssuerRange{.first = 560000, .last = 589999, .digits_min = 13, .digits_max = 19},  // Maestro
    IssuerRange{.first = 600000, .last = 699999, .digits_min = 13, .digits_max = 19},  // Discover …
    IssuerRange{.first = 810000, .last = 829999, .digits_min = 16, .digits_max = 19},  // RuPay …
};

// The length of what may stand between two groups at `at`; 0: nothing of the kind.
std::size_t SeparatorAt(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  const char c = text[at];
  if (c == ' ' || c == '-' || c == '+') return 1;
  return c == '%' && text.substr(at, 3) == "%20" ? 3 : 0;
}

struct Group {
  std::size_t start = 0;
  std::size_t size = 0;
};

// The groups from `start` on, as far as separators join them; returns where they end.
std::size_t CollectGroups(std::string_view text, std::size_t start, std::vector<Group>& groups) {
  groups.clear();
  std::size_t at = start;
  for (;;) {
    Group group{.start = at, .size = 0};
    while (at < text.size() && IsDigit(text[at]))
      ++at;
    group.size = at - group.start;
    groups.push_back(group);
    const std::size_t separator = SeparatorAt(text, at);
    if (separator == 0 || at + separator >= text.size() || !IsDigit(text[at + separator]))
      return at;
    at += separator;
  }
}

// Digits behind a decimal point belong to a number that counts something.
bool IsFraction(std::string_view text, std::size_t start) {
  return start >= 2 && text[start - 1] == '.' && IsDigit(text[start - 2]);
}

// How many digits at `start` end an escape ("%20", "\\u0022") and are no digits of the text.
std::size_t EscapeDigits(std::string_view text, std::size_t start) {
  if (start >= 1 && text[start - 1] == '%') return 2;
  if (start >= 2 && text[start - 2] == '%' && HexValue(text[start - 1]) >= 0) return 1;
  return start >= 2 && text[start - 1] == 'u' && text[start - 2] == '\\' ? 4 : 0;
}

class Masking {
 public:
  Masking(std::string& text, const KeyedHash& hash) : text_(text), hash_(hash) {}

  // Masks what is a card number among the groups from `index` on; returns how many groups it took.
  std::size_t TryAt(std::span<const Group> groups, std::size_t index) {
    std::string digits;
    for (std::size_t i = index; i < groups.size(); ++i) {
      const Group& group = groups[i];
      digits.append(text_, group.start, group.size);
      if (digits.size() > kDigitsMax) return 0;
      if (digits.size() >= kDigitsMin && IsCardNumber(digits)) {
        Replace(groups.subspan(index, i + 1 - index), digits);
        return i + 1 - index;
      }
      if (group.size < kGroupMin || group.size > kGroupMax) return 0;
    }
    return 0;
  }

  // Masks the last groups, which a cut may have taken the rest of.
  bool TryCut(std::span<const Group> groups) {
    std::size_t first = groups.size();
    std::string digits;
    while (first > 0) {
      const Group& group = groups[first - 1];
      const bool is_inner = first < groups.size();
      if (is_inner && (group.size < kGroupMin || group.size > kGroupMax)) break;
      if (digits.size() + group.size >= kDigitsMax) break;
      digits.insert(0, text_, group.start, group.size);
      --first;
    }
    for (; first < groups.size() && digits.size() >= kCutDigitsMin; ++first) {
      if (kMaskDigits.find(digits.front()) == std::string_view::npos) {
        Replace(groups.subspan(first), digits);
        return true;
      }
      digits.erase(0, groups[first].size);
    }
    return false;
  }

 private:
  void Replace(std::span<const Group> groups, std::string_view digits) {
    std::string fresh(digits.size(), '9');
    std::uint64_t rest = hash_.Of(digits);
    for (std::size_t i = fresh.size() - 1; i > 0; --i) {
      fresh[i] = kMaskDigits[rest % kMaskDigits.size()];
      rest /= kMaskDigits.size();
    }
    std::size_t at = 0;
    for (const Group& group : groups) {
      std::copy_n(fresh.begin() + static_cast<std::ptrdiff_t>(at), group.size,
                  text_.begin() + static_cast<std::ptrdiff_t>(group.start));
      at += group.size;
    }
  }

  std::string& text_;
  const KeyedHash& hash_;
};

}  // namespace

bool HasLuhnCheck(std::string_view digits) {
  int sum = 0;
  bool is_doubled = false;
  for (std::size_t i = digits.size(); i > 0; --i) {
    int digit = digits[i - 1] - '0';
    if (is_doubled) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
    is_doubled = !is_doubled;
  }
  return sum % 10 == 0;
}

bool IsCardNumber(std::string_view digits) {
  if (digits.size() < kDigitsMin || digits.size() > kDigitsMax) return false;
  std::uint32_t issuer = 0;
  for (const char digit : digits.substr(0, 6))
    issuer = issuer * 10 + static_cast<std::uint32_t>(digit - '0');
  const bool is_issued = std::ranges::any_of(kIssuers, [&](const IssuerRange& range) {
    return issuer >= range.first && issuer <= range.last && digits.size() >= range.digits_min &&
           digits.size() <= range.digits_max;
  });
  return is_issued && HasLuhnCheck(digits);
}

std::size_t MaskCardNumbers(std::string& text, TextEnd end, const KeyedHash& hash) {
  std::size_t found = 0;
  Masking masking(text, hash);
  std::vector<Group> groups;
  // Each number has a group of at least four digits, so every fourth byte is enough to see it.
  std::size_t at = kGroupMin - 1;
  std::size_t done = 0;  // Looked at up to here.
  while (at < text.size()) {
    if (!IsDigit(text[at])) {
      at += kGroupMin;
      continue;
    }
    std::size_t start = at;
    while (start > done && IsDigit(text[start - 1]))
      --start;
    const std::size_t groups_end = CollectGroups(text, start, groups);
    const std::size_t escaped = EscapeDigits(text, start);
    if (escaped > 0 && groups.front().size > escaped && masking.TryAt(groups, 0) == 0) {
      groups.front().start += escaped;
      groups.front().size -= escaped;
    }
    const std::size_t first = IsFraction(text, start) ? 1 : 0;
    std::size_t free_from = first;  // The first group that is no part of a number found.
    std::size_t index = first;
    while (index < groups.size()) {
      const std::size_t taken = masking.TryAt(groups, index);
      index += std::max<std::size_t>(taken, 1);
      if (taken == 0) continue;
      ++found;
      free_from = std::max(free_from, index);
      // With the new digits another number may begin shortly before.
      index = std::max(first, index - std::min(index, taken + kGroupsMax));
    }
    if (end == TextEnd::kCut && groups_end == text.size() && free_from < groups.size()) {
      const bool was_cut = masking.TryCut(std::span(groups).subspan(free_from));
      found += was_cut ? 1 : 0;
    }
    done = groups_end;
    at = groups_end + kGroupMin;
  }
  return found;
}

}  // namespace sluice::wire::recording
