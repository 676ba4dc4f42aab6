// Chance as a parameter: who needs a random number is handed a Random&.
//
// splitmix64 to seed, xoshiro256** to draw (Blackman and Vigna, 2018). Not for secrets.
// Not thread-safe: one generator belongs to one loop.

#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace sluice {

// Wide enough for the product of two words (both compilers have it; -Wpedantic must be told).
__extension__ using Wide = unsigned __int128;

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
      word = mixed ^ (mixed >> 31U);
    }
  }

  // Uniform over all 64-bit values.
  std::uint64_t Next() {
    const std::uint64_t drawn = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return drawn;
  }

  // Uniform in [0, bound); bound >= 1. Biased by less than 2^-32 for bounds below 2^32.
  std::uint64_t Below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(Next()) * static_cast<Wide>(bound)) >>
                                      64U);
  }

  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11U) * 0x1.0p-53; }

  // True with the given probability in 0..1.
  bool Strikes(double probability) { return Unit() < probability; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace sluice
