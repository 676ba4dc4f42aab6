// IsWithin: whether a number of the options is in its range.

#pragma once

namespace sluice::limit {

// False for a NaN too, as no plain comparison of the opposite would be.
[[nodiscard]] constexpr bool IsWithin(double value, double least, double most) {
  return value >= least && value <= most;
}

}  // namespace sluice::limit
