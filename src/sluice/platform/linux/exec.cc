#include "sluice/platform/linux/exec.h"

#include <cerrno>

#include <unistd.h>

namespace sluice::platform {

void ExecuteOrTell(char* const* arguments, char* const* environment, int error_pipe) {
  ::execve(arguments[0], arguments, environment);
  const int error_number = errno;
  const ssize_t written = ::write(error_pipe, &error_number, sizeof(error_number));
  ::_exit(written == static_cast<ssize_t>(sizeof(error_number)) ? 127 : 126);
}

int ReadExecError(int pipe) {
  int error_number = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe, &error_number, sizeof(error_number));
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof(error_number)) ? error_number : 0;
}

}  // namespace sluice::platform
