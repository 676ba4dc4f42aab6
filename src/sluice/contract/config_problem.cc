#include "sluice/contract/config_problem.h"

#include <fmt/format.h>

namespace sluice {

Result<void> FirstProblem(const ConfigProblems& problems, ErrorCode code) {
  if (problems.empty()) return {};
  return Fail(code, fmt::format("{}: {}", problems.front().path, problems.front().text));
}

}  // namespace sluice
