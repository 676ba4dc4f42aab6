// ForEach: a node that runs its body for every element of a list, a bounded number at once.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/contract/run_queue.h"
#include "sluice/dag/context.h"
#include "sluice/dag/work.h"

namespace sluice::dag {

struct ForEachOptions {
  std::size_t max_parallel = 8;  // 1 or more.
};

enum class ItemFailure : std::uint8_t {
  kFailFast,  // The node fails with the first failure in time; the other elements are stopped.
  kCollect,   // The node succeeds; each element has a value or an error.
};

namespace internal {

// The elements of one node under way. An awaitable: done when every started element has ended.
template <typename E, typename R, typename F>
class ItemGroup : private StopListener {
 public:
  ItemGroup(Context& context, const F& body, const std::vector<E>& list, ItemFailure on_failure)
      : StopListener(&Stop),
        context_(context),
        body_(body),
        list_(list),
        on_failure_(on_failure),
        items_(std::make_unique<std::optional<Item>[]>(list.size())),
        results_(list.size()) {}
  ItemGroup(const ItemGroup&) = delete;
  ItemGroup& operator=(const ItemGroup&) = delete;
  ~ItemGroup() = default;

  void Start(std::size_t max_parallel) {
    max_parallel_ = max_parallel;
    context_.Listen(*this);
    StartMore();
  }

  [[nodiscard]] bool await_ready() const { return running_ == 0; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    waiter_.handle = awaiter;
    is_awaited_ = true;
  }
  void await_resume() { this->Leave(); }

  // The first failure in time; empty: none.
  [[nodiscard]] std::unique_ptr<NodeError>& first_failure() { return first_failure_; }
  [[nodiscard]] std::vector<std::optional<Result<R>>>& results() { return results_; }

 private:
  struct Item : WorkOwner {
    Item(ItemGroup& its_group, std::size_t its_index)
        : WorkOwner(&ItemGroup::Finished),
          group(its_group),
          index(its_index),
          context(its_group.context_.run(),
                  its_group.context_.loop(),
                  its_group.context_.deadline(),
                  its_group.context_.node_index(),
                  static_cast<std::uint8_t>(its_group.context_.attempt())) {}
    ItemGroup& group;
    std::size_t index;
    Context context;
    alignas(R) std::byte value[sizeof(R)];
  };

  void StartMore() {
    if (starting_) return;  // An element that ended at once: the loop below goes on.
    starting_ = true;
    while (!stopped_ && next_ < list_.size() && running_ < max_parallel_)
      StartOne(next_++);
    starting_ = false;
  }

  void StartOne(std::size_t index) {
    Item& item = items_[index].emplace(*this, index);
    item.slot = item.value;
    ++running_;
    std::optional<std::invoke_result_t<const F&, Context&, const E&>> work;
    try {
      work.emplace(body_(item.context, list_[index]));
    } catch (...) {
      item.FailWithException();
      Finished(item);
      return;
    }
    std::move(*work).Start(item);
  }

  static void Finished(WorkOwner& owner) {
    auto& item = static_cast<Item&>(owner);
    ItemGroup& group = item.group;
    group.Keep(item);
    group.items_[item.index].reset();
    --group.running_;
    group.StartMore();
    if (group.running_ == 0 && std::exchange(group.is_awaited_, false)) {
      RunQueue::Current().Push(group.waiter_);
    }
  }

  void Keep(Item& item) {
    if (item.end == WorkOwner::End::kValue) {
      R& value = *reinterpret_cast<R*>(item.value);
      results_[item.index].emplace(std::move(value));
      value.~R();
      return;
    }
    results_[item.index].emplace(std::unexpected(item.failure->cause));
    if (first_failure_ == nullptr) first_failure_ = std::move(item.failure);
    if (on_failure_ == ItemFailure::kFailFast) StopAll();
  }

  void StopAll() {
    stopped_ = true;
    for (std::size_t i = 0; i < next_; ++i) {
      if (items_[i]) items_[i]->context.RequestStop();
    }
  }
  static void Stop(StopListener& self) { static_cast<ItemGroup&>(self).StopAll(); }

  Context& context_;
  const F& body_;
  const std::vector<E>& list_;
  ItemFailure on_failure_;
  std::unique_ptr<std::optional<Item>[]> items_;
  std::vector<std::optional<Result<R>>> results_;
  std::unique_ptr<NodeError> first_failure_;
  std::size_t max_parallel_ = 1;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  bool starting_ = false;
  bool stopped_ = false;
  bool is_awaited_ = false;
  Ready waiter_;
};

template <typename W>
struct ItemValue;
template <typename R>
struct ItemValue<Work<R>> {
  using Type = std::conditional_t<std::is_void_v<R>, Done, R>;
};

}  // namespace internal

template <typename L, typename F, ItemFailure kFailure>
class ForEachBody {
 public:
  using Element = typename L::value_type;
  using Item =
      typename internal::ItemValue<std::invoke_result_t<const F&, Context&, const Element&>>::Type;
  using Value = std::conditional_t<kFailure == ItemFailure::kCollect,
                                   std::vector<Result<Item>>,
                                   std::vector<Item>>;

  ForEachBody(const ForEachOptions& options, F body) : options_(options), body_(std::move(body)) {}

  Work<Value> operator()(Context& context, const L& list) const {
    internal::ItemGroup<Element, Item, F> group(context, body_, list, kFailure);
    group.Start(options_.max_parallel);
    co_await group;
    if (context.stop_requested()) {
      co_return Fail(ErrorCode::kCancelled, "stopped before every element was done");
    }
    Value values;
    values.reserve(list.size());
    for (std::optional<Result<Item>>& result : group.results()) {
      if constexpr (kFailure == ItemFailure::kCollect) {
        values.push_back(std::move(*result));
      } else {
        if (group.first_failure() != nullptr) {
          co_return std::unexpected(std::move(*group.first_failure()));
        }
        values.push_back(std::move(**result));
      }
    }
    co_return values;
  }

 private:
  ForEachOptions options_;
  F body_;
};

}  // namespace sluice::dag
