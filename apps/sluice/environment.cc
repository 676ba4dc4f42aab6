#include "environment.h"

#include <cstdlib>

namespace sluice::app {

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  // Nothing in this process changes the environment once threads run.
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace sluice::app
