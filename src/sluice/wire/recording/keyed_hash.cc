#include "sluice/wire/recording/keyed_hash.h"

#include <bit>
#include <cstddef>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

std::uint64_t ReadWord(const char* from, std::size_t size) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return word;
}

struct State {
  std::uint64_t v0;
  std::uint64_t v1;
  std::uint64_t v2;
  std::uint64_t v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Take(std::uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

}  // namespace

KeyedHash::KeyedHash(const Key& key)
    : key0_(ReadWord(reinterpret_cast<const char*>(key.data()), 8)),
      key1_(ReadWord(reinterpret_cast<const char*>(key.data()) + 8, 8)) {}

std::uint64_t KeyedHash::Of(std::string_view text) const {
  State state{.v0 = key0_ ^ 0x736f6d6570736575U,
              .v1 = key1_ ^ 0x646f72616e646f6dU,
              .v2 = key0_ ^ 0x6c7967656e657261U,
              .v3 = key1_ ^ 0x7465646279746573U};
  const std::uint64_t length = static_cast<std::uint64_t>(text.size()) << 56U;
  while (text.size() >= 8) {
    state.Take(ReadWord(text.data(), 8));
    text.remove_prefix(8);
  }
  state.Take(length | ReadWord(text.data(), text.size()));
  state.v2 ^= 0xffU;
  for (int i = 0; i < 4; ++i)
    state.Round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::optional<KeyedHash::Key> ParseKey(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  while (!text.empty() && kSpace.find(text.front()) != std::string_view::npos)
    text.remove_prefix(1);
  while (!text.empty() && kSpace.find(text.back()) != std::string_view::npos)
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
