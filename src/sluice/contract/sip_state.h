// SipState: the state of SipHash (Aumasson and Bernstein, 2012) and its operations, named as in the
// paper. What is hashed, and by how many rounds, is the caller's.

#pragma once

#include <bit>
#include <cstdint>

namespace sluice {

struct SipState {
  SipState(std::uint64_t key0, std::uint64_t key1)
      : v0(key0 ^ 0x736f6d6570736575U),
        v1(key1 ^ 0x646f72616e646f6dU),
        v2(key0 ^ 0x6c7967656e657261U),
        v3(key1 ^ 0x7465646279746573U) {}

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

  template <int kRounds>
  void Compress(std::uint64_t word) {
    v3 ^= word;
    for (int i = 0; i < kRounds; ++i)
      Round();
    v0 ^= word;
  }

  // The hash. Once, at the end.
  template <int kRounds>
  [[nodiscard]] std::uint64_t Finalize() {
    v2 ^= 0xffU;
    for (int i = 0; i < kRounds; ++i)
      Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }

  std::uint64_t v0, v1, v2, v3;
};

}  // namespace sluice
