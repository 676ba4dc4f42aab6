// ChildProcess: a program of ours that runs beside this one and never outlives it.
//
// What it says goes to a file. It is in a process group of its own, so that Ctrl-C reaches this
// program alone, which ends its children by their ids; if this program is killed, the kernel ends
// them. Create them on the main thread.

#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "sluice/contract/result.h"

namespace sluice::demo {

struct ChildCommand {
  std::string program;  // A path.
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // Beside that of this process.
  std::string log_file;                            // Of its stdout and stderr; begun anew.
};

class ChildProcess {
 public:
  // Fails with kInputOutput, also when there is no such program.
  static Result<ChildProcess> Start(const ChildCommand& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  // Kills it, if it still runs, and waits for its end.
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // True until its end was seen here.
  [[nodiscard]] bool IsRunning();

  // Does nothing once its end was seen: its id may be another's by then.
  void Signal(int signal);

  // SIGKILL, and waits for its end. Idempotent.
  void Kill();

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_ = -1;  // -1: ended, or moved away.
};

}  // namespace sluice::demo
