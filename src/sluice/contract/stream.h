// Streams of bytes with a completion-shaped interface: an operation is begun, and completes at once
// or later. Coroutines use `co_await stream.Receive(…)` and `co_await stream.Send(…)`.
//
// Thread rule: a stream belongs to the loop that made it. At most one receive and one send are
// pending at once; every operation has a deadline. Destroying a stream closes it; no operation may
// be pending then.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/time.h"

namespace sluice {

// Lives in the awaiting coroutine's frame. Whoever completes it sets `result`, then resumes
// `waiter` (a receive of data: at once, since the view lives in the loop's hot buffer; anything
// else: through the run queue).
struct ReceiveOperation {
  Ready waiter;
  SteadyTime deadline = kNever;
  Bytes bytes_max = 0;
  Result<ByteView> result{};
};

struct SendOperation {
  Ready waiter;
  SteadyTime deadline = kNever;
  std::span<const ByteView> segments;
  Result<void> result{};
};

// Told, at most once, that the peer is gone while nobody receives.
class HangupWatcher {
 public:
  virtual void OnHangup() = 0;

 protected:
  ~HangupWatcher() = default;
};

class Stream {
 public:
  class ReceiveAwaiter;
  class SendAwaiter;

  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  // Receives 1..bytes_max bytes, as many as are there; an empty view at the peer's end of stream.
  // The view points into the loop's receive buffer: it is dead at the next suspension of whoever
  // received it. Fails with kTimeout, kConnectionReset or kCancelled (side kSelf; who calls knows).
  [[nodiscard]] ReceiveAwaiter Receive(SteadyTime deadline, Bytes bytes_max = kHotBufferBytes);

  // Sends all segments in order. What the kernel does not take at once is copied, so the segments
  // need to live only until the await suspends. Completes when all bytes were handed to the kernel;
  // fails with kTimeout, kConnectionReset or kCancelled.
  [[nodiscard]] SendAwaiter Send(std::span<const ByteView> segments, SteadyTime deadline);

  // Pending and later operations fail with kCancelled. Idempotent.
  virtual void Cancel() = 0;

  // Ends our direction after what was sent (FIN). Idempotent.
  virtual void ShutdownSend() = 0;

  // Closing after this resets the connection (RST) instead of ending it.
  virtual void ResetOnClose() = 0;

  // `watcher` hears once when the peer ends or resets the stream and no receive is pending; nullptr
  // takes it back. If the peer is already known to be gone, it hears in this call.
  virtual void WatchHangup(HangupWatcher* watcher) = 0;

  // True when bytes, an end or an error may be waiting: an idle pooled connection with such is not
  // to be used again. No system call.
  [[nodiscard]] virtual bool MaybeReadable() const = 0;

  [[nodiscard]] virtual const Address& peer() const = 0;
  [[nodiscard]] virtual const Address& local() const = 0;

  // The most one Receive returns: the size of the loop's shared receive buffer.
  static constexpr Bytes kHotBufferBytes = 128 * kKiB;

 protected:
  // True when the operation completed within the call and `result` is set.
  [[nodiscard]] virtual bool Begin(ReceiveOperation& operation) = 0;
  [[nodiscard]] virtual bool Begin(SendOperation& operation) = 0;
};

class Stream::ReceiveAwaiter {
 public:
  ReceiveAwaiter(Stream& stream, SteadyTime deadline, Bytes bytes_max)
      : stream_(stream), operation_{.deadline = deadline, .bytes_max = bytes_max} {}

  [[nodiscard]] bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    operation_.waiter.handle = awaiter;
    return !stream_.Begin(operation_);
  }
  Result<ByteView> await_resume() { return std::move(operation_.result); }

 private:
  Stream& stream_;
  ReceiveOperation operation_;
};

class Stream::SendAwaiter {
 public:
  SendAwaiter(Stream& stream, std::span<const ByteView> segments, SteadyTime deadline)
      : stream_(stream), operation_{.deadline = deadline, .segments = segments} {}

  [[nodiscard]] bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    operation_.waiter.handle = awaiter;
    return !stream_.Begin(operation_);
  }
  Result<void> await_resume() { return std::move(operation_.result); }

 private:
  Stream& stream_;
  SendOperation operation_;
};

inline Stream::ReceiveAwaiter Stream::Receive(SteadyTime deadline, Bytes bytes_max) {
  return {*this, deadline, bytes_max};
}
inline Stream::SendAwaiter Stream::Send(std::span<const ByteView> segments, SteadyTime deadline) {
  return {*this, segments, deadline};
}

struct AcceptOperation {
  Ready waiter;
  Result<std::unique_ptr<Stream>> result{nullptr};
};

// A bound, listening socket. Belongs to the loop that made it; destroying it closes it.
class Listener {
 public:
  class AcceptAwaiter;

  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  // The next connection. Fails only with kCancelled, after Cancel(). When descriptors run out the
  // listener pauses by itself, counts it, and goes on when some are free: it never spins.
  [[nodiscard]] AcceptAwaiter Accept();

  // Stops accepting: pending and later Accept()s fail with kCancelled, those first excepted that
  // get a connection which was there already.
  virtual void Cancel() = 0;

  // With the real port where 0 was asked for.
  [[nodiscard]] virtual const Address& local() const = 0;

  // How often accepting was paused for lack of descriptors.
  [[nodiscard]] virtual std::uint64_t pauses_total() const = 0;

 protected:
  [[nodiscard]] virtual bool Begin(AcceptOperation& operation) = 0;
};

class Listener::AcceptAwaiter {
 public:
  explicit AcceptAwaiter(Listener& listener) : listener_(listener) {}
  [[nodiscard]] bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    operation_.waiter.handle = awaiter;
    return !listener_.Begin(operation_);
  }
  Result<std::unique_ptr<Stream>> await_resume() { return std::move(operation_.result); }

 private:
  Listener& listener_;
  AcceptOperation operation_;
};

inline Listener::AcceptAwaiter Listener::Accept() {
  return AcceptAwaiter(*this);
}

}  // namespace sluice
