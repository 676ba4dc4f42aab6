#include "sluice/platform/linux/command.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/platform/linux/clock.h"

extern char** environ;

namespace sluice::platform {
namespace {

// Starts `/bin/sh -c command` as the leader of a process group, its stdout into `pipe_end`.
int Spawn(const std::string& command, int pipe_end, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe_end, STDOUT_FILENO);
  ::posix_spawnattr_init(&attributes);
  // What this process blocks for its own sake the command must not inherit.
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string text = command;
  const std::array<char*, 4> arguments = {shell.data(), option.data(), text.data(), nullptr};
  const int failure =
      ::posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failure;
}

// Reads to the end of `pipe`.
Result<std::string> ReadAll(int pipe, Nanos time_max, Bytes printed_max) {
  std::string printed;
  const SteadyTime until = ReadSteadyClock() + time_max;
  std::array<char, 4096> buffer{};
  for (;;) {
    const Nanos left = until - ReadSteadyClock();
    if (left <= Nanos(0)) return Fail(ErrorCode::kTimeout, "it did not end in time");
    pollfd readable{.fd = pipe, .events = POLLIN, .revents = 0};
    const int ready =
        ::poll(&readable, 1, static_cast<int>(left / std::chrono::milliseconds(1)) + 1);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0) return Fail(ErrorCode::kInputOutput, "its output cannot be read");
    if (got == 0) return printed;
    printed.append(buffer.data(), static_cast<std::size_t>(got));
    if (printed.size() > printed_max)
      return Fail(ErrorCode::kInputOutput,
                  fmt::format("it printed more than {} bytes", printed_max));
  }
}

}  // namespace

Result<std::string> RunCommand(const std::string& command, Nanos time_max, Bytes printed_max) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Fail(ErrorCode::kOutOfDescriptors, "no pipe for a command");
  pid_t pid = -1;
  const int failure = Spawn(command, ends[1], pid);
  ::close(ends[1]);
  if (failure != 0) {
    ::close(ends[0]);
    return Fail(ErrorCode::kInputOutput, fmt::format("it cannot be started ({})", failure));
  }
  Result<std::string> printed = ReadAll(ends[0], time_max, printed_max);
  ::close(ends[0]);
  if (!printed) ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!printed) return printed;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return printed;
  return Fail(ErrorCode::kInputOutput,
              WIFEXITED(status) ? fmt::format("it ended with {}", WEXITSTATUS(status))
                                : fmt::format("it was ended by signal {}", WTERMSIG(status)));
}

}  // namespace sluice::platform
