#include "sluice/platform/linux/handover.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/platform/linux/exec.h"
#include "sluice/platform/linux/socket_address.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr const char* kListenersVariable = "SLUICE_LISTENERS";
constexpr const char* kReadyVariable = "SLUICE_READY_FD";

struct Pipe {
  OwnedFd read_end;
  OwnedFd write_end;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "pipe");
  return Pipe{.read_end = OwnedFd(ends[0]), .write_end = OwnedFd(ends[1])};
}

// What the child needs between fork and exec, made before: there it may not allocate.
struct Launch {
  std::vector<std::string> argument_texts;
  std::vector<std::string> environment_texts;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<int> inherited;
  int error_pipe = -1;
};

std::vector<char*> PointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

bool IsVariable(std::string_view entry, std::string_view name) {
  return entry.starts_with(name) && entry.substr(name.size()).starts_with('=');
}

std::vector<std::string> EnvironmentWith(std::string listeners, int ready_fd) {
  std::vector<std::string> texts;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (IsVariable(*entry, kListenersVariable) || IsVariable(*entry, kReadyVariable)) continue;
    texts.emplace_back(*entry);
  }
  texts.push_back(fmt::format("{}={}", kListenersVariable, listeners));
  texts.push_back(fmt::format("{}={}", kReadyVariable, ready_fd));
  return texts;
}

Result<std::string> Describe(const std::vector<HandedSocket>& sockets) {
  std::string text;
  for (const HandedSocket& socket : sockets) {
    if (socket.name.empty() || socket.name.find_first_of(":;") != std::string::npos) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("the name of a listener to hand over must not be empty and not "
                              "contain ':' or ';', got `{}`",
                              socket.name));
    }
    text += fmt::format("{}:{}:{};", socket.name, socket.worker, socket.fd);
  }
  return text;
}

// In the child: only what is safe after fork() of a process with threads.
[[noreturn]] void Execute(const Launch& launch) {
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);  // Blocked signals stay blocked across exec.
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &standard, nullptr);
  for (const int fd : launch.inherited) {
    ::fcntl(fd, F_SETFD, 0);
  }
  ExecuteOrTell(launch.arguments.data(), launch.environment.data(), launch.error_pipe);
}

void Reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ReadInteger(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

bool IsListening(int fd) {
  int listening = 0;
  socklen_t length = sizeof(listening);
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening == 1;
}

std::string TakeVariable(const char* name) {
  // At the start of main(), before any thread.
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  std::string text = value != nullptr ? value : "";
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text;
}

}  // namespace

Result<std::unique_ptr<Successor>> Successor::Spawn(EpollLoop& loop,
                                                    const std::vector<std::string>& argv,
                                                    const std::vector<HandedSocket>& sockets) {
  if (argv.empty()) return Fail(ErrorCode::kInvalidOption, "a successor needs a binary");
  const Result<std::string> listeners = Describe(sockets);
  if (!listeners) return std::unexpected(listeners.error());
  Result<Pipe> ready = MakePipe();
  if (!ready) return std::unexpected(ready.error());
  Result<Pipe> failure = MakePipe();
  if (!failure) return std::unexpected(failure.error());

  Launch launch;
  launch.argument_texts = argv;
  launch.environment_texts = EnvironmentWith(*listeners, ready->write_end.get());
  launch.arguments = PointersTo(launch.argument_texts);
  launch.environment = PointersTo(launch.environment_texts);
  launch.inherited.push_back(ready->write_end.get());
  for (const HandedSocket& socket : sockets) {
    launch.inherited.push_back(socket.fd);
  }
  launch.error_pipe = failure->write_end.get();

  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "fork");
  if (pid == 0) Execute(launch);
  failure->write_end.Close();
  ready->write_end.Close();
  if (const int error_number = ReadExecError(failure->read_end.get()); error_number != 0) {
    Reap(pid);
    return FailErrno(error_number, "execute", argv[0]);
  }
  ::fcntl(ready->read_end.get(), F_SETFL, O_NONBLOCK);
  std::unique_ptr<Successor> successor(new Successor(loop, std::move(ready->read_end), pid));
  Result<void> registered = loop.reactor().Register(successor->ready_pipe_.get(),
                                                    EPOLLIN | EPOLLRDHUP | EPOLLET, *successor);
  if (!registered) return std::unexpected(std::move(registered.error()));
  return successor;
}

Successor::Successor(EpollLoop& loop, OwnedFd ready_pipe, pid_t pid)
    : loop_(loop), ready_pipe_(std::move(ready_pipe)), pid_(pid), changed_(loop) {}

Successor::~Successor() {
  loop_.reactor().Unregister(*this);
  if (state_ == State::kReady) return;
  ::kill(pid_, SIGKILL);
  Reap(pid_);
}

void Successor::Kill() {
  if (state_ == State::kReady) state_ = State::kGone;  // The destructor ends and reaps it.
}

void Successor::Cancel() {
  if (state_ != State::kStarting) return;
  state_ = State::kGone;
  changed_.Set();
}

void Successor::OnReady(std::uint32_t /*events*/) {
  if (state_ != State::kStarting) return;
  char byte = 0;
  const ssize_t got = ::read(ready_pipe_.get(), &byte, 1);
  if (got < 0) return;
  state_ = got == 1 ? State::kReady : State::kGone;
  changed_.Set();
}

Task<Result<void>> Successor::AwaitReady(SteadyTime deadline) {
  if (state_ == State::kStarting) {
    const bool changed = co_await changed_.Wait(deadline);
    if (!changed) {
      co_return Fail(ErrorCode::kTimeout, fmt::format("successor {} is not ready in time", pid_));
    }
  }
  if (state_ == State::kGone) {
    co_return Fail(ErrorCode::kConnectionClosed,
                   fmt::format("successor {} ended before it was ready", pid_));
  }
  co_return Result<void>();
}

Result<InheritedListeners> InheritedListeners::FromEnvironment() {
  const std::string listeners = TakeVariable(kListenersVariable);
  const std::string ready = TakeVariable(kReadyVariable);
  InheritedListeners inherited;
  std::string_view rest = listeners;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    const std::size_t first = entry.find(':');
    const std::size_t second = entry.find(':', first + 1);
    const bool complete = first != std::string_view::npos && second != std::string_view::npos;
    const auto worker =
        complete ? ReadInteger(entry.substr(first + 1, second - first - 1)) : std::nullopt;
    const auto fd = complete ? ReadInteger(entry.substr(second + 1)) : std::nullopt;
    if (!worker || !fd || !IsListening(*fd)) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("{}: `{}` is not name:worker:fd of a listening socket",
                              kListenersVariable, entry));
    }
    ::fcntl(*fd, F_SETFD, FD_CLOEXEC);
    inherited.sockets_.push_back({.name = std::string(entry.substr(0, first)),
                                  .worker = static_cast<unsigned>(*worker),
                                  .fd = OwnedFd(*fd)});
  }
  if (ready.empty()) return inherited;
  const std::optional<int> ready_fd = ReadInteger(ready);
  if (!ready_fd || ::fcntl(*ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: `{}` is no open descriptor", kReadyVariable, ready));
  }
  inherited.ready_pipe_ = OwnedFd(*ready_fd);
  return inherited;
}

OwnedFd InheritedListeners::Take(std::string_view name, unsigned worker) {
  for (Inherited& socket : sockets_) {
    if (socket.name == name && socket.worker == worker) return std::move(socket.fd);
  }
  return {};
}

void InheritedListeners::ReportReady() {
  if (!ready_pipe_) return;
  const char byte = '1';
  while (::write(ready_pipe_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  ready_pipe_.Close();
}

}  // namespace sluice::platform
