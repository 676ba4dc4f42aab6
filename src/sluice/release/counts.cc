#include "sluice/release/counts.h"

#include <cmath>
#include <numbers>

namespace sluice::release {
namespace {

std::uint64_t DrawSmall(double mean, Random& random) {
  const double least = std::exp(-mean);
  std::uint64_t count = 0;
  for (double product = random.Unit(); product > least; product *= random.Unit())
    ++count;
  return count;
}

// The names of the constants are those of the paper.
std::uint64_t DrawLarge(double mean, Random& random) {
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = random.Unit() - 0.5;
    const double v = 1 - random.Unit();  // Above 0.
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return static_cast<std::uint64_t>(k);
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const double left = std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b);
    if (left <= k * log_mean - mean - std::lgamma(k + 1)) return static_cast<std::uint64_t>(k);
  }
}

}  // namespace

std::uint64_t DrawPoisson(double mean, Random& random) {
  constexpr double kLarge = 10;
  if (!(mean > 0)) return 0;
  return mean < kLarge ? DrawSmall(mean, random) : DrawLarge(mean, random);
}

double DrawNormal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.Unit()));
  return radius * std::cos(2 * std::numbers::pi * random.Unit());
}

}  // namespace sluice::release
