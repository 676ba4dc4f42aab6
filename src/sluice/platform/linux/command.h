// Runs a command of the user's and takes what it prints.

#pragma once

#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::platform {

// Runs `command` by /bin/sh with the rights and the environment of this process, nothing on its
// stdin, our stderr, and returns what it printed on stdout. Blocks: not for loops.
//
// Fails with kInputOutput where it could not be run, ended with another code than 0 or printed more
// than `printed_max`, and with kTimeout after `time_max`: then it is killed with all it has
// started.
[[nodiscard]] Result<std::string> RunCommand(const std::string& command,
                                             Nanos time_max,
                                             Bytes printed_max);

}  // namespace sluice::platform
