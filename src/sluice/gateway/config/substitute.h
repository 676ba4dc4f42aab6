// "${NAME}" and "${NAME:-default}" in values, as a shell would replace them.

#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "sluice/gateway/config/load.h"

namespace sluice::gateway::config {

// Replaces each reference: `:-` gives the default of a variable that is unset or empty. "$${"
// stands for "${", and a "$" before anything else for itself. Replaced text is not looked at again.
// The error is what is wrong, for people.
[[nodiscard]] std::expected<std::string, std::string> Substitute(std::string_view text,
                                                                 const Environment& environment);

// A text that Substitute() turns into `text`.
[[nodiscard]] std::string EscapeReferences(std::string_view text);

}  // namespace sluice::gateway::config
