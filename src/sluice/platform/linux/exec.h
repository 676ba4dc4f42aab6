// What a process and the child that it starts say to each other over a pipe that closes by itself:
// whether the child's program could be executed.

#pragma once

namespace sluice::platform {

// In the child, after fork(): executes arguments[0], or writes errno into `error_pipe` (which must
// be close-on-exec) and ends. Async-signal-safe.
[[noreturn]] void ExecuteOrTell(char* const* arguments, char* const* environment, int error_pipe);

// In the parent, with its own end for writing closed: waits until the child has executed its
// program. 0, or the errno of its failure.
[[nodiscard]] int ReadExecError(int pipe);

}  // namespace sluice::platform
