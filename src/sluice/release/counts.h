// Random counts for simulations: Poisson, exact for any mean. Not thread-safe.

#pragma once

#include <cstdint>

#include "sluice/contract/random.h"

namespace sluice::release {

// `mean`: 0 .. 1e9. Multiplication of uniforms (Knuth) below 10, transformed rejection (PTRS,
// Hoermann 1993) above.
[[nodiscard]] std::uint64_t DrawPoisson(double mean, Random& random);

// Normal, by Box and Muller.
[[nodiscard]] double DrawNormal(Random& random);

}  // namespace sluice::release
