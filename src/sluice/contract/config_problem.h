// ConfigProblem: one thing wrong in a configuration, and where.
//
// Validation appends every problem it finds, not only the first, so that one failed start fixes the
// whole file. A text reads "rule, got X; what to do".

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"

namespace sluice {

struct ConfigProblem {
  std::string path;  // "rate_limits[2].limit"
  std::string text;
};

using ConfigProblems = std::vector<ConfigProblem>;

// The first problem as an error, `path: text`; fine where there is none. For who can give only one.
[[nodiscard]] Result<void> FirstProblem(const ConfigProblems& problems,
                                        ErrorCode code = ErrorCode::kInvalidOption);

// Asks the options' own Validate(options, path, problems), found beside their type.
template <typename Options>
[[nodiscard]] Result<void> CheckOptions(const Options& options,
                                        std::string_view path,
                                        ErrorCode code = ErrorCode::kInvalidOption) {
  ConfigProblems problems;
  Validate(options, path, problems);
  return FirstProblem(problems, code);
}

}  // namespace sluice
