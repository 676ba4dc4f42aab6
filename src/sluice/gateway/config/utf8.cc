#include "sluice/gateway/config/utf8.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace sluice::gateway::config {
namespace {

std::uint8_t ByteAt(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

bool IsBetween(std::uint8_t byte, std::uint8_t low, std::uint8_t high) {
  return byte >= low && byte <= high;
}

// How many bytes the character at the beginning of `text` has; 0 when it is not well-formed.
std::size_t CharacterLength(std::string_view text) {
  const std::uint8_t first = ByteAt(text, 0);
  if (first < 0x80) return 1;
  // The second byte's range keeps out overlong forms, surrogates and what lies beyond U+10FFFF.
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
  std::size_t length = 0;
  if (IsBetween(first, 0xc2, 0xdf)) length = 2;
  if (IsBetween(first, 0xe0, 0xef)) length = 3;
  if (IsBetween(first, 0xf0, 0xf4)) length = 4;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (length == 0 || !IsBetween(ByteAt(text, 1), low, high)) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!IsBetween(ByteAt(text, i), 0x80, 0xbf)) return 0;
  }
  return length;
}

// Reads "\uXXXX" with a value of [low, high].
std::optional<char32_t> ReadEscape(std::string_view text, std::uint32_t low, std::uint32_t high) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  std::uint32_t value = 0;
  const char* end = text.data() + 6;
  const auto [stop, error] = std::from_chars(text.data() + 2, end, value, 16);
  if (error != std::errc() || stop != end || value < low || value > high) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::size_t> FindUnprintable(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t byte = ByteAt(text, i);
    const bool is_control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r');
    const std::size_t length = CharacterLength(text.substr(i));
    if (length == 0 || is_control || byte == 0x7f) return i;
    i += length;
  }
  return std::nullopt;
}

std::optional<char32_t> ReadSurrogatePair(std::string_view text) {
  const std::optional<char32_t> high = ReadEscape(text, 0xd800, 0xdbff);
  if (!high) return std::nullopt;
  const std::optional<char32_t> low = ReadEscape(text.substr(6), 0xdc00, 0xdfff);
  if (!low) return std::nullopt;
  return 0x10000 + ((*high - 0xd800) << 10U) + (*low - 0xdc00);
}

}  // namespace sluice::gateway::config
