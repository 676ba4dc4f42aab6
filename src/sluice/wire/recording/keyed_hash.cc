#include "sluice/wire/recording/keyed_hash.h"

#include <cstddef>

#include "sluice/contract/sip_state.h"
#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

std::uint64_t ReadWord(const char* from, std::size_t size) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return word;
}

}  // namespace

KeyedHash::KeyedHash(const Key& key)
    : key0_(ReadWord(reinterpret_cast<const char*>(key.data()), 8)),
      key1_(ReadWord(reinterpret_cast<const char*>(key.data()) + 8, 8)) {}

std::uint64_t KeyedHash::Of(std::string_view text) const {
  SipState state(key0_, key1_);
  const std::uint64_t length = static_cast<std::uint64_t>(text.size()) << 56U;
  while (text.size() >= 8) {
    state.Compress<2>(ReadWord(text.data(), 8));
    text.remove_prefix(8);
  }
  state.Compress<2>(length | ReadWord(text.data(), text.size()));
  return state.Finalize<4>();
}

std::optional<KeyedHash::Key> ParseKey(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  while (!text.empty() && kBlanks.find(text.front()) != std::string_view::npos)
    text.remove_prefix(1);
  while (!text.empty() && kBlanks.find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  KeyedHash::Key key{};
  if (text.size() != 2 * key.size()) return std::nullopt;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = HexValue(text[2 * i]);
    const int low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return key;
}

std::string FormatKey(const KeyedHash::Key& key) {
  std::string text;
  for (const std::uint8_t byte : key) {
    text += kHexLower[byte / 16U];
    text += kHexLower[byte % 16U];
  }
  return text;
}

}  // namespace sluice::wire::recording
