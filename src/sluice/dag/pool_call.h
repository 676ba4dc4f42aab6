// A plain function called on a thread of a WorkerPool, awaited by a node.

#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "sluice/contract/run_queue.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/dag/context.h"
#include "sluice/dag/work.h"

namespace sluice::dag {

// What a function on a pool may ask. From the pool's thread.
class JobContext {
 public:
  explicit JobContext(SteadyTime deadline) : deadline_(deadline) {}
  JobContext(const JobContext&) = delete;
  JobContext& operator=(const JobContext&) = delete;
  ~JobContext() = default;

  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  // A flag and nothing else passes between the threads, so relaxed.
  [[nodiscard]] bool stop_requested() const { return stop_.load(std::memory_order_relaxed); }
  void RequestStop() { stop_.store(true, std::memory_order_relaxed); }

 private:
  SteadyTime deadline_;
  std::atomic<bool> stop_{false};
};

namespace internal {

// Calls `call(JobContext&)` on the pool; awaited by the coroutine that owns both.
template <typename R, typename Call>
class PoolCall : private PoolJob, private StopListener {
 public:
  PoolCall(Context& context, WorkerPool& pool, const Call& call)
      : PoolJob(context.loop(), &RunJob, &JobDone),
        StopListener(&Stop),
        context_(context),
        pool_(pool),
        call_(call),
        job_(context.deadline()) {}
  PoolCall(const PoolCall&) = delete;
  PoolCall& operator=(const PoolCall&) = delete;
  ~PoolCall() = default;

  [[nodiscard]] bool await_ready() const { return context_.stop_requested(); }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    waiter_.handle = awaiter;
    refused_ = !pool_.Submit(*this);
    if (refused_) return false;
    context_.Listen(*this);
    return true;
  }
  // How long the function took; below zero when it was not called.
  [[nodiscard]] Nanos duration() const { return took; }

  // What the function returned; a refusal of the pool; kCancelled when no thread had begun it.
  // What it threw goes on from here.
  Result<R> await_resume() {
    this->Leave();
    if (refused_) {
      return std::unexpected(Error{.code = ErrorCode::kOverloaded,
                                   .retry = RetryAdvice::kSafe,
                                   .guard = "worker_pool",
                                   .rule = context_.node(),
                                   .detail = "the queue of the pool is full"});
    }
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if (!value_) return Fail(ErrorCode::kCancelled, "stopped while it waited for a thread");
    return std::move(*value_);
  }

 private:
  static void RunJob(PoolJob& job) {
    auto& self = static_cast<PoolCall&>(job);
    try {
      self.value_.emplace(self.call_(self.job_));
    } catch (...) {
      self.exception_ = std::current_exception();
    }
  }
  static void JobDone(PoolJob& job) {
    RunQueue::Current().Push(static_cast<PoolCall&>(job).waiter_);
  }
  static void Stop(StopListener& listener) {
    auto& self = static_cast<PoolCall&>(listener);
    self.job_.RequestStop();
    if (self.pool_.Withdraw(self)) RunQueue::Current().Push(self.waiter_);
  }

  Context& context_;
  WorkerPool& pool_;
  const Call& call_;
  JobContext job_;
  Ready waiter_;
  std::optional<R> value_;
  std::exception_ptr exception_;
  bool refused_ = false;
};

template <typename F, typename... A>
struct JobShape {
  static constexpr bool kContext = std::is_invocable_v<const F&, JobContext&, A...>;
  using Raw = CallResult<kContext, F, JobContext, A...>;
  using Value = typename Returned<std::remove_cvref_t<Raw>>::Value;

  // One shape for all: the value in a Result.
  static Result<Value> Invoke(const F& body, [[maybe_unused]] JobContext& job, A... inputs) {
    const auto call = [&]() -> Raw {
      if constexpr (kContext) {
        return std::invoke(body, job, std::forward<A>(inputs)...);
      } else {
        return std::invoke(body, std::forward<A>(inputs)...);
      }
    };
    if constexpr (std::is_void_v<Raw>) {
      call();
      return Done{};
    } else if constexpr (IsExpected<std::remove_cvref_t<Raw>>::value) {
      auto returned = call();
      if (!returned) return std::unexpected(std::move(returned.error()));
      if constexpr (std::is_same_v<Value, Done>) {
        return Done{};
      } else {
        return std::move(*returned);
      }
    } else {
      return call();
    }
  }
};

}  // namespace internal

enum class PoolUse : std::uint8_t {
  kBlocking,
  kCompute,  // What it costs is learnt, and cheap calls are made otherwise (compute_call.h).
};

// For compute nodes: a job has taken this long.
void LearnCost(const Context& context, Nanos sample);

template <typename F, typename... A>
class PoolBody {
 public:
  using Shape = internal::JobShape<F, A...>;
  using Value = typename Shape::Value;

  PoolBody(WorkerPool& pool, F body, PoolUse use = PoolUse::kBlocking)
      : pool_(&pool), use_(use), body_(std::move(body)) {}

  [[nodiscard]] const F& body() const { return body_; }

  // The inputs are in the run's block, which outlives the job.
  Work<Value> operator()(Context& context, A... inputs) const {
    const auto call = [&](JobContext& job) {
      return Shape::Invoke(body_, job, std::forward<A>(inputs)...);
    };
    internal::PoolCall<Result<Value>, decltype(call)> pending(context, *pool_, call);
    Result<Result<Value>> returned = co_await pending;
    if (use_ == PoolUse::kCompute && pending.duration() >= Nanos(0))
      LearnCost(context, pending.duration());
    if (!returned) co_return std::unexpected(std::move(returned.error()));
    co_return std::move(*returned);
  }

 private:
  WorkerPool* pool_;
  PoolUse use_;
  F body_;
};

}  // namespace sluice::dag
