// KeyHash: turns the parts of a limiter's key (address, header, cookie, …) into 64 bits.
//
// Hashes under a secret of the process (XXH3 with a secret of 192 bytes made from the seed), so
// that nobody outside can choose keys that collide. Each part is framed by its length, so ("ab",
// "c") and ("a", "bc") differ. Allocates nothing.
//
// A KeyHasher is immutable and may be used by all loops; a KeyHash under way belongs to one.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::limit {

class KeyHasher {
 public:
  // `seed` comes from a random device once per process; the same seed gives the same hashes.
  explicit KeyHasher(std::uint64_t seed);

  // Of one part; equals Hash of a span with that part alone. Never 0: that means "no key".
  [[nodiscard]] std::uint64_t Hash(std::string_view part) const;
  // Of all parts in order.
  [[nodiscard]] std::uint64_t Hash(std::span<const std::string_view> parts) const;

 private:
  static constexpr std::size_t kSecretBytes = 192;
  [[nodiscard]] std::uint64_t Extend(std::uint64_t hash, std::string_view part) const;

  alignas(64) std::array<unsigned char, kSecretBytes> secret_{};
  std::uint64_t seed_;
};

}  // namespace sluice::limit
