// Hand-over of listening sockets to a successor process: an upgrade without a refused connection.
//
// The old process forks and executes the new binary, which inherits the listening sockets by
// number. SLUICE_LISTENERS="name:worker:fd;…" says which is which, SLUICE_READY_FD names the pipe
// on which the successor says that it serves. Both processes accept until the old one has drained;
// the kernel's queue of a socket belongs to both, so no connection is lost.

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "sluice/contract/event.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/platform/linux/event_source.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::platform {

// One listening socket by its configured name and the worker that accepts from it.
struct HandedSocket {
  std::string name;  // Without ':' and ';'.
  unsigned worker = 0;
  int fd = -1;  // Borrowed.
};

// The parent's side: a process that was started and may become ready.
class Successor final : private EventSource {
 public:
  // Starts `argv` (argv[0] is the path of the binary) with `sockets` and nothing else inherited but
  // stdin, stdout and stderr. Its environment is ours. Fails with kInvalidOption (no argv, a bad
  // name), kNotFound or kPermissionDenied (cannot be executed), kOutOfDescriptors, kInputOutput.
  static Result<std::unique_ptr<Successor>> Spawn(EpollLoop& loop,
                                                  const std::vector<std::string>& argv,
                                                  const std::vector<HandedSocket>& sockets);
  // A successor that never became ready is killed (SIGKILL) and reaped.
  ~Successor() override;

  // Completes when the successor says that it is ready. Fails with kTimeout at `deadline`, and with
  // kConnectionClosed when it ended (or closed the pipe) before. At most one call at a time.
  Task<Result<void>> AwaitReady(SteadyTime deadline);

  // A successor that is ready already, but must not go on.
  void Kill();

  // Ends the wait for a successor that is not ready yet: AwaitReady() fails with kConnectionClosed.
  void Cancel();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool is_ready() const { return state_ == State::kReady; }

 private:
  enum class State : std::uint8_t { kStarting, kReady, kGone };

  Successor(EpollLoop& loop, OwnedFd ready_pipe, pid_t pid);
  void OnReady(std::uint32_t events) override;

  EpollLoop& loop_;
  OwnedFd ready_pipe_;
  pid_t pid_;
  State state_ = State::kStarting;
  Event changed_;
};

// The child's side: what this process inherited.
class InheritedListeners {
 public:
  // Reads SLUICE_LISTENERS and SLUICE_READY_FD, takes the descriptors over and removes both
  // variables. Empty when they are not set: this is an ordinary start. Fails with kInvalidOption
  // when they are malformed or name something that is no listening socket. Call it once, at the
  // start of main(), before any thread.
  static Result<InheritedListeners> FromEnvironment();

  // The inherited socket, once; empty when there is none (left). Give it to EpollLoop::Adopt().
  // What nobody takes is closed at the end of life.
  [[nodiscard]] OwnedFd Take(std::string_view name, unsigned worker);

  // True when a predecessor waits for ReportReady().
  [[nodiscard]] bool has_predecessor() const { return static_cast<bool>(ready_pipe_); }

  // Tells the predecessor that this process serves. Once; does nothing without a predecessor.
  void ReportReady();

 private:
  struct Inherited {
    std::string name;
    unsigned worker = 0;
    OwnedFd fd;
  };
  std::vector<Inherited> sockets_;
  OwnedFd ready_pipe_;
};

}  // namespace sluice::platform
