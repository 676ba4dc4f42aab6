// `sluice check` and `sluice config`: what a configuration file says, without running it.

#pragma once

#include <string>

namespace sluice::app {

enum class Format { kText, kJson };

// Prints every problem and warning; 0, or 2 where there is a problem or the file cannot be read.
[[nodiscard]] int Check(const std::string& file, Format format);

// Prints every setting in force with this file; exit codes as Check().
[[nodiscard]] int ShowConfig(const std::string& file, Format format);

// Prints the JSON Schema of configurations.
[[nodiscard]] int ShowSchema();

}  // namespace sluice::app
