// LoopThread: an EpollLoop and the thread that runs it.
//
// The destructor stops the loop and joins. Whatever lives on the loop must be gone by then: post
// its end to the loop first (work posted before Stop() still runs).

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "sluice/contract/result.h"
#include "sluice/platform/linux/loop.h"

namespace sluice::platform {

struct LoopThreadOptions {
  std::string name = "loop";    // As `top -H` shows it; cut to 15 bytes.
  std::optional<unsigned> cpu;  // Pins the thread to this CPU.
  EpollLoopOptions loop;
};

class LoopThread {
 public:
  // Fails as EpollLoop::Create(), with kInvalidOption for a CPU that this process may not use, or
  // with kInputOutput when no thread can be started.
  static Result<std::unique_ptr<LoopThread>> Start(const LoopThreadOptions& options = {});
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread();

  // From other threads only Post() and Stop() of it.
  [[nodiscard]] EpollLoop& loop() { return *loop_; }

  // Stops the loop and waits until its thread has ended. Idempotent. Not from the loop's thread.
  void StopAndJoin();

 private:
  explicit LoopThread(std::unique_ptr<EpollLoop> loop);

  std::unique_ptr<EpollLoop> loop_;
  std::jthread thread_;
};

}  // namespace sluice::platform
