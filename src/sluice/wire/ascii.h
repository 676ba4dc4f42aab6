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

namespace internal {

inline constexpr std::uint64_t kOnes = 0x0101010101010101U;
inline constexpr std::uint64_t kHighs = 0x8080808080808080U;

[[nodiscard]] inline std::uint64_t LoadWord(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

// The high bit of some byte is set where a byte of `word` is below `bound` (1..128), and nowhere
// when there is no such byte (Bit Twiddling Hacks, "hasless").
[[nodiscard]] constexpr std::uint64_t HasBelow(std::uint64_t word, std::uint64_t bound) {
  return (word - kOnes * bound) & ~word & kHighs;
}

// Asks `is_fine` for words of eight bytes, of which the last two may overlap, and `is_fine_byte`
// for the bytes of a suspect word or of a text that is no word long.
template <typename WordTest, typename ByteTest>
[[nodiscard]] bool AllBytes(std::string_view text, WordTest is_fine, ByteTest is_fine_byte) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto all_of = [&](const char* byte, const char* stop) {
    while (byte != stop && is_fine_byte(*byte))
      ++byte;
    return byte == stop;
  };
  if (text.size() < 8) return all_of(at, end);
  while (true) {
    if (!is_fine(LoadWord(at)) && !all_of(at, at + 8)) return false;
    if (end - at == 8) return true;
    at = end - at >= 16 ? at + 8 : end - 8;
  }
}

}  // namespace internal

// True when every byte may be in a field value. Eight bytes at a time: every value that is read or
// written passes here.
[[nodiscard]] inline bool IsFieldValue(std::string_view text) {
  const auto is_fine = [](std::uint64_t word) {
    const std::uint64_t zero_where_del = word ^ (internal::kOnes * 0x7f);
    return (internal::HasBelow(word, 0x20) | internal::HasBelow(zero_where_del, 1)) == 0;
  };
  return internal::AllBytes(text, is_fine, [](char c) { return IsFieldValueByte(c); });
}

// True when every byte is printable ASCII and not a space.
[[nodiscard]] inline bool IsVisible(std::string_view text) {
  const auto is_fine = [](std::uint64_t word) {
    const std::uint64_t zero_where_del = word ^ (internal::kOnes * 0x7f);
    return (internal::HasBelow(word, 0x21) | internal::HasBelow(zero_where_del, 1) |
            (word & internal::kHighs)) == 0;
  };
  return internal::AllBytes(text, is_fine, [](char c) { return c > 0x20 && c < 0x7f; });
}

namespace internal {

// Lowers the letters of eight bytes. Each byte below 0x80 is compared with 'A' and 'Z' by a sum
// that carries into its high bit and no further.
[[nodiscard]] constexpr std::uint64_t LowerWord(std::uint64_t word) {
  const std::uint64_t low = word & ~kHighs;
  const std::uint64_t from_a = low + kOnes * (0x80 - 'A');
  const std::uint64_t behind_z = low + kOnes * (0x7f - 'Z');
  const std::uint64_t is_upper = (from_a ^ behind_z) & ~word & kHighs;
  return word | (is_upper >> 2U);
}

}  // namespace internal

// Equal but for the case of ASCII letters.
[[nodiscard]] inline bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  using internal::LoadWord;
  using internal::LowerWord;
  if (a.size() != b.size()) return false;
  if (a.size() < 8) {
    const char* other = b.data();
    for (const char c : a) {
      if (ToLower(c) != ToLower(*other++)) return false;
    }
    return true;
  }
  // The last word may overlap the one before.
  const std::size_t last = a.size() - 8;
  for (std::size_t at = 0; at < last; at += 8) {
    if (LowerWord(LoadWord(a.data() + at)) != LowerWord(LoadWord(b.data() + at))) return false;
  }
  return LowerWord(LoadWord(a.data() + last)) == LowerWord(LoadWord(b.data() + last));
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
