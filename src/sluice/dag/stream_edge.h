// Streams between two nodes of a run that run at the same time, with a bounded buffer.
//
// The writer suspends while the buffer is full, the reader while it is empty. The end of one is
// told to the other: a finished writer ends the stream, a failed one fails it, and when the reader
// has ended the writer's Put says so and its node is asked to stop.
//
// Not thread-safe: belongs to the run's loop.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "sluice/contract/result.h"
#include "sluice/contract/run_queue.h"
#include "sluice/dag/context.h"
#include "sluice/dag/node_state.h"

namespace sluice::dag {

template <typename T>
class StreamReader;
template <typename T>
class StreamWriter;

template <typename T>
class StreamChannel {
 public:
  explicit StreamChannel(std::size_t capacity) : capacity_(capacity) {}
  StreamChannel(const StreamChannel&) = delete;
  StreamChannel& operator=(const StreamChannel&) = delete;
  ~StreamChannel() = default;

  [[nodiscard]] StreamReader<T>& reader() { return reader_; }
  [[nodiscard]] StreamWriter<T>& writer() { return writer_; }

  // For the engine: the writer's node has ended (with `error`), the reader's node has ended.
  void EndWriter(const NodeError* error) {
    if (ended_) return;
    ended_ = true;
    if (error != nullptr) failure_ = error->cause;
    Wake(waiting_reader_);
  }
  void CloseReader() {
    closed_ = true;
    Wake(waiting_writer_);
  }

 private:
  friend class StreamReader<T>;
  friend class StreamWriter<T>;

  // A coroutine that waits on one side; also woken by a stop of its node.
  struct Waiter : StopListener {
    Waiter(Waiter*& place, Context& context, std::coroutine_handle<> handle)
        : StopListener(&Stop), place_(place) {
      ready.handle = handle;
      place_ = this;
      context.Listen(*this);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() = default;
    static void Stop(StopListener& self) { Wake(static_cast<Waiter&>(self).place_); }
    Ready ready;
    Waiter*& place_;
  };
  static void Wake(Waiter*& place) {
    if (place == nullptr) return;
    Waiter& waiter = *std::exchange(place, nullptr);
    waiter.Leave();
    RunQueue::Current().Push(waiter.ready);
  }

  std::size_t capacity_;
  std::deque<T> items_;
  std::optional<Error> failure_;
  bool ended_ = false;
  bool closed_ = false;
  Waiter* waiting_reader_ = nullptr;
  Waiter* waiting_writer_ = nullptr;
  StreamReader<T> reader_{*this};
  StreamWriter<T> writer_{*this};
};

template <typename T>
class StreamWriter {
 public:
  explicit StreamWriter(StreamChannel<T>& channel) : channel_(channel) {}

  class PutAwaiter {
   public:
    PutAwaiter(StreamChannel<T>& channel, Context& context, T item)
        : channel_(channel), context_(context), item_(std::move(item)) {}
    [[nodiscard]] bool await_ready() const {
      return channel_.closed_ || context_.stop_requested() ||
             channel_.items_.size() < channel_.capacity_;
    }
    void await_suspend(std::coroutine_handle<> awaiter) {
      waiter_.emplace(channel_.waiting_writer_, context_, awaiter);
    }
    [[nodiscard]] bool await_resume() {
      if (channel_.closed_ || context_.stop_requested()) return false;
      channel_.items_.push_back(std::move(item_));
      StreamChannel<T>::Wake(channel_.waiting_reader_);
      return true;
    }

   private:
    StreamChannel<T>& channel_;
    Context& context_;
    T item_;
    std::optional<typename StreamChannel<T>::Waiter> waiter_;
  };

  // Waits for room and puts `item`. False: nobody will read it, or a stop was requested; end then.
  [[nodiscard]] PutAwaiter Put(Context& context, T item) {
    return {channel_, context, std::move(item)};
  }

 private:
  StreamChannel<T>& channel_;
};

template <typename T>
class StreamReader {
 public:
  explicit StreamReader(StreamChannel<T>& channel) : channel_(channel) {}

  class NextAwaiter {
   public:
    NextAwaiter(StreamChannel<T>& channel, Context& context)
        : channel_(channel), context_(context) {}
    [[nodiscard]] bool await_ready() const {
      return !channel_.items_.empty() || channel_.ended_ || context_.stop_requested();
    }
    void await_suspend(std::coroutine_handle<> awaiter) {
      waiter_.emplace(channel_.waiting_reader_, context_, awaiter);
    }
    [[nodiscard]] Result<std::optional<T>> await_resume() {
      if (context_.stop_requested()) return Fail(ErrorCode::kCancelled, "the reader was stopped");
      if (!channel_.items_.empty()) {
        std::optional<T> item(std::move(channel_.items_.front()));
        channel_.items_.pop_front();
        StreamChannel<T>::Wake(channel_.waiting_writer_);
        return item;
      }
      if (channel_.failure_) return std::unexpected(*channel_.failure_);
      return std::optional<T>();
    }

   private:
    StreamChannel<T>& channel_;
    Context& context_;
    std::optional<typename StreamChannel<T>::Waiter> waiter_;
  };

  // The next item; nothing at the end of the stream; the writer's error when it failed, after what
  // it had put; kCancelled when a stop was requested.
  [[nodiscard]] NextAwaiter Next(Context& context) { return {channel_, context}; }

 private:
  StreamChannel<T>& channel_;
};

}  // namespace sluice::dag
