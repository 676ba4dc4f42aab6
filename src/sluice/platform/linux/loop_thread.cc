#include "sluice/platform/linux/loop_thread.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr std::size_t kNameBytesMax = 15;  // pthread_setname_np(3).

Result<cpu_set_t> SetOf(unsigned cpu) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    return FailErrno(errno, "sched_getaffinity");
  }
  if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("CPU {} is not among those this process may use", cpu));
  }
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  return only;
}

}  // namespace

LoopThread::LoopThread(std::unique_ptr<EpollLoop> loop) : loop_(std::move(loop)) {}

LoopThread::~LoopThread() {
  StopAndJoin();
}

Result<std::unique_ptr<LoopThread>> LoopThread::Start(const LoopThreadOptions& options) {
  cpu_set_t only;
  if (options.cpu) {
    const Result<cpu_set_t> set = SetOf(*options.cpu);
    if (!set) return std::unexpected(set.error());
    only = *set;
  }
  Result<std::unique_ptr<EpollLoop>> loop = EpollLoop::Create(options.loop);
  if (!loop) return std::unexpected(std::move(loop.error()));
  std::unique_ptr<LoopThread> thread(new LoopThread(std::move(*loop)));
  // The standard library reports this failure by throwing only.
  try {
    thread->thread_ = std::jthread([running = thread->loop_.get()] { running->Run(); });
  } catch (const std::system_error& error) {
    return FailErrno(error.code().value(), "start a thread");
  }
  const pthread_t handle = thread->thread_.native_handle();
  ::pthread_setname_np(handle, options.name.substr(0, kNameBytesMax).c_str());
  if (options.cpu) ::pthread_setaffinity_np(handle, sizeof(only), &only);
  return thread;
}

void LoopThread::StopAndJoin() {
  if (!thread_.joinable()) return;
  loop_->Stop();
  thread_.join();
}

}  // namespace sluice::platform
