// KeyedHash: what stands for a secret value in a recording.
//
// SipHash-2-4 (Aumasson and Bernstein, 2012), a pseudo-random function: who does not have the key
// can neither compute the value from its hash nor try all card numbers. Equal values have equal
// hashes under one key, so that recordings can still be matched and compared.
//
// Immutable: any thread may use it.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::wire::recording {

class KeyedHash {
 public:
  using Key = std::array<std::uint8_t, 16>;

  explicit KeyedHash(const Key& key);

  [[nodiscard]] std::uint64_t Of(std::string_view text) const;

 private:
  std::uint64_t key0_;
  std::uint64_t key1_;
};

// 32 hex digits, with white space around them.
[[nodiscard]] std::optional<KeyedHash::Key> ParseKey(std::string_view text);
[[nodiscard]] std::string FormatKey(const KeyedHash::Key& key);

}  // namespace sluice::wire::recording
