// KeyHasher: turns the parts of a limiter's key (address, header, cookie, …) into 64 bits.
//
// SipHash-1-3 (Aumasson and Bernstein, 2012) under a secret of the process, so that nobody outside
// can choose keys that collide with another's or that crowd one shard. Each part is framed by its
// length, so ("ab", "c") and ("a", "bc") differ. Allocates nothing.
//
// Immutable: all loops may use one hasher.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::limit {

class KeyHasher {
 public:
  // 128 bits of a random device, drawn once per process; the same words give the same hashes.
  KeyHasher(std::uint64_t secret0, std::uint64_t secret1) : secret0_(secret0), secret1_(secret1) {}

  // Of all parts in order: SipHash of each part's length (8 bytes, little-endian), its bytes, and
  // zeros up to a multiple of 8. Never 0, which means "no key".
  [[nodiscard]] std::uint64_t Hash(std::span<const std::string_view> parts) const;
  // Of one part; equals the hash of a span with that part alone.
  [[nodiscard]] std::uint64_t Hash(std::string_view part) const {
    return Hash(std::span<const std::string_view>(&part, 1));
  }

 private:
  std::uint64_t secret0_;
  std::uint64_t secret1_;
};

}  // namespace sluice::limit
