// The environment of the process, as `${NAME}` in a configuration sees it.

#pragma once

#include <optional>
#include <string>

namespace sluice::app {

[[nodiscard]] std::optional<std::string> EnvironmentVariable(const std::string& name);

}  // namespace sluice::app
