// Loop: one thread's event loop, and everything a room may ask of the outside world.
//
// Thread rule: all calls from the loop's own thread, but Post(), which any thread may call.
// `platform/linux` implements it with epoll, `platform/sim` with a virtual clock.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "sluice/contract/address.h"
#include "sluice/contract/random.h"
#include "sluice/contract/resolver.h"
#include "sluice/contract/result.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"

namespace sluice {

struct ConnectOperation {
  Ready waiter;
  Address address;
  SteadyTime deadline = kNever;
  Result<std::unique_ptr<Stream>> result{nullptr};
};

// Takes kept receive buffers back; implemented by loops.
class ReceiveBufferOwner {
 public:
  virtual void ReleaseReceiveBuffer(char* buffer) = 0;

 protected:
  ~ReceiveBufferOwner() = default;
};

// A receive buffer kept for a while (Loop::KeepReceiveBuffer). Move-only; gives it back at the end.
// Belongs to the loop and must not outlive it.
class ReceiveBuffer {
 public:
  ReceiveBuffer() = default;
  ReceiveBuffer(ReceiveBufferOwner& owner, char* buffer) : owner_(&owner), buffer_(buffer) {}
  ReceiveBuffer(ReceiveBuffer&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), buffer_(other.buffer_) {}
  ReceiveBuffer& operator=(ReceiveBuffer&& other) noexcept {
    if (this != &other) {
      Release();
      owner_ = std::exchange(other.owner_, nullptr);
      buffer_ = other.buffer_;
    }
    return *this;
  }
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;
  ~ReceiveBuffer() { Release(); }

  void Release() {
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->ReleaseReceiveBuffer(buffer_);
  }
  explicit operator bool() const { return owner_ != nullptr; }

 private:
  ReceiveBufferOwner* owner_ = nullptr;
  char* buffer_ = nullptr;
};

struct ListenOptions {
  int backlog = 4096;
  bool share_port = false;  // SO_REUSEPORT: several loops listen on one address.
};

class Loop {
 public:
  class ConnectAwaiter;
  class SleepAwaiter;

  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  // Read once at the start of the turn: every decision of one turn sees the same moment.
  [[nodiscard]] virtual SteadyTime now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;

  // Arms `timer`, or moves it when it is armed. A `due` in the past fires in the next turn.
  virtual void Arm(Timer& timer, SteadyTime due) = 0;
  virtual void Disarm(Timer& timer) = 0;

  // Runs `work` in a later turn of this loop. From any thread, in order per caller; the only call
  // that wakes a sleeping loop. Work posted after the loop has stopped is destroyed unrun.
  virtual void Post(std::move_only_function<void()> work) = 0;

  // Chance for this loop: seeded by the system, or by the simulation's seed.
  [[nodiscard]] virtual Random& random() = 0;

  [[nodiscard]] virtual Resolver& resolver() = 0;

  // Binds and listens at once. Fails with kAddressInUse, kPermissionDenied or kInvalidOption.
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> Listen(const Address& address,
                                                                 const ListenOptions& options) = 0;

  // Fails with kConnectFailed, kTimeout or kOutOfDescriptors, all of side kUpstream and kSafe to
  // retry (kOutOfDescriptors: side kSelf).
  [[nodiscard]] ConnectAwaiter Connect(Address address, SteadyTime deadline);

  // Keeps the receive buffer that the last Receive() on this loop filled, so that its view outlives
  // the suspensions to come; the loop goes on with another buffer. Call it before suspending. Meant
  // for short whiles: a kept buffer is 128 KiB of memory (counted by `kept_buffers`).
  [[nodiscard]] virtual ReceiveBuffer KeepReceiveBuffer() = 0;
  [[nodiscard]] virtual std::size_t kept_buffers() const = 0;

  // Resumes at or after `until`.
  [[nodiscard]] SleepAwaiter SleepUntil(SteadyTime until);

 protected:
  // True when it completed within the call.
  [[nodiscard]] virtual bool Begin(ConnectOperation& operation) = 0;
};

class Loop::ConnectAwaiter {
 public:
  ConnectAwaiter(Loop& loop, Address address, SteadyTime deadline)
      : loop_(loop), operation_{.address = std::move(address), .deadline = deadline} {}
  [[nodiscard]] bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    operation_.waiter.handle = awaiter;
    return !loop_.Begin(operation_);
  }
  Result<std::unique_ptr<Stream>> await_resume() { return std::move(operation_.result); }

 private:
  Loop& loop_;
  ConnectOperation operation_;
};

class Loop::SleepAwaiter {
 public:
  SleepAwaiter(Loop& loop, SteadyTime until) : loop_(loop), until_(until), timer_(&Fire, this) {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    waiter_.handle = awaiter;
    loop_.Arm(timer_, until_);
  }
  void await_resume() const {}

 private:
  static void Fire(Timer& timer, SteadyTime /*now*/) {
    RunQueue::Current().Push(static_cast<SleepAwaiter*>(timer.owner)->waiter_);
  }

  Loop& loop_;
  SteadyTime until_;
  Timer timer_;
  Ready waiter_;
};

inline Loop::ConnectAwaiter Loop::Connect(Address address, SteadyTime deadline) {
  return {*this, std::move(address), deadline};
}
inline Loop::SleepAwaiter Loop::SleepUntil(SteadyTime until) {
  return {*this, until};
}

}  // namespace sluice
