#include "demo/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/platform/linux/exec.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::demo {
namespace {

// What the child needs between fork and exec, made before: there it may not allocate.
struct Launch {
  std::vector<std::string> argument_texts;
  std::vector<std::string> environment_texts;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int log = -1;
  int error_pipe = -1;
  pid_t parent = -1;
};

std::vector<char*> PointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentWith(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> texts;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) texts.push_back(text);
  }
  for (const auto& [name, value] : extra)
    texts.push_back(name + "=" + value);
  return texts;
}

[[noreturn]] void Execute(const Launch& launch) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(1);  // It ended before it could be told.
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);  // Blocked signals stay blocked across exec.
  ::dup2(launch.log, STDOUT_FILENO);
  ::dup2(launch.log, STDERR_FILENO);
  platform::ExecuteOrTell(launch.arguments.data(), launch.environment.data(), launch.error_pipe);
}

std::unexpected<Error> FailErrno(int error_number, std::string_view what) {
  // Of this thread alone.
  return Fail(
      ErrorCode::kInputOutput,
      fmt::format("{}: {}", what, ::strerror(error_number)));  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

Result<ChildProcess> ChildProcess::Start(const ChildCommand& command) {
  const platform::OwnedFd log(
      ::open(command.log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!log) return FailErrno(errno, command.log_file);
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return FailErrno(errno, "pipe");
  const platform::OwnedFd error_read(pipe_ends[0]);
  platform::OwnedFd error_write(pipe_ends[1]);

  Launch launch;
  launch.argument_texts.push_back(command.program);
  for (const std::string& argument : command.arguments)
    launch.argument_texts.push_back(argument);
  launch.environment_texts = EnvironmentWith(command.environment);
  launch.arguments = PointersTo(launch.argument_texts);
  launch.environment = PointersTo(launch.environment_texts);
  launch.log = log.get();
  launch.error_pipe = error_write.get();
  launch.parent = ::getpid();

  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "fork");
  if (pid == 0) Execute(launch);
  error_write.Close();
  ChildProcess child(pid);
  const int error_number = platform::ReadExecError(error_read.get());
  if (error_number != 0) return FailErrno(error_number, command.program);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  Kill();
}

bool ChildProcess::IsRunning() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) != pid_) return true;
  pid_ = -1;
  return false;
}

void ChildProcess::Signal(int signal) {
  if (IsRunning()) ::kill(pid_, signal);
}

void ChildProcess::Kill() {
  if (!IsRunning()) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace sluice::demo
