// ConfigProblem: one thing wrong in a configuration, and where.
//
// Validation appends every problem it finds, not only the first, so that one failed start fixes the
// whole file. A text reads "rule, got X; what to do".

#pragma once

#include <string>
#include <vector>

namespace sluice {

struct ConfigProblem {
  std::string path;  // "rate_limits[2].limit"
  std::string text;
};

using ConfigProblems = std::vector<ConfigProblem>;

}  // namespace sluice
