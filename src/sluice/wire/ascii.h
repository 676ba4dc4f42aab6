// The few character classes and comparisons HTTP is made of (RFC 9110 §5.6), without a locale.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::wire {

[[nodiscard]] constexpr char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

[[nodiscard]] constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The value of a hexadecimal digit of either case; -1 for any other byte.
[[nodiscard]] constexpr int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

inline constexpr std::string_view kHexUpper = "0123456789ABCDEF";
inline constexpr std::string_view kHexLower = "0123456789abcdef";

namespace internal {

constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool is_alnum =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    table[c] =
        is_alnum || (c < 128 && kOthers.find(static_cast<char>(c)) != std::string_view::npos);
  }
  return table;
}
inline constexpr std::array<bool, 256> kTokenTable = MakeTokenTable();

}  // namespace internal

// tchar of RFC 9110 §5.6.2.
[[nodiscard]] constexpr bool IsTokenChar(char c) {
  return internal::kTokenTable[static_cast<unsigned char>(c)];
}

[[nodiscard]] constexpr bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (!IsTokenChar(c)) return false;
  }
  return !text.empty();
}

// SP or HTAB.
[[nodiscard]] constexpr bool IsWhitespace(char c) {
  return c == ' ' || c == '\t';
}

[[nodiscard]] constexpr std::string_view TrimWhitespace(std::string_view text) {
  while (!text.empty() && IsWhitespace(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && IsWhitespace(text.back()))
    text.remove_suffix(1);
  return text;
}

// A byte that may be in a field value: everything but controls; HTAB may (RFC 9110 §5.5).
[[nodiscard]] constexpr bool IsFieldValueByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

// True when every byte may be in a field value. Eight bytes at a time: every value that is read or
// written passes here.
[[nodiscard]] inline bool IsFieldValue(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighs = 0x8080808080808080U;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighs;
    const std::uint64_t del = word ^ (kOnes * 0x7f);
    const std::uint64_t is_del = (del - kOnes) & ~del & kHighs;
    if ((below_space | is_del) == 0) [[likely]] {
      continue;
    }
    for (std::size_t i = 0; i < 8; ++i) {
      if (!IsFieldValueByte(at[i])) return false;
    }
  }
  for (std::size_t i = 0; i < left; ++i) {
    if (!IsFieldValueByte(at[i])) return false;
  }
  return true;
}

[[nodiscard]] constexpr bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

// Takes the next element of a comma-separated list off `rest`, without the white space around it.
// Elements may be empty.
[[nodiscard]] constexpr std::string_view TakeListElement(std::string_view& rest) {
  const std::size_t comma = rest.find(',');
  const std::string_view element = rest.substr(0, comma);
  rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  return TrimWhitespace(element);
}

}  // namespace sluice::wire
