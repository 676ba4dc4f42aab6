#include "sluice/gateway/flows/item_calls.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sluice/contract/task_group.h"
#include "sluice/gateway/flows/flow_call.h"
#include "sluice/gateway/flows/flow_runner.h"
#include "sluice/gateway/flows/flow_scope.h"
#include "sluice/gateway/flows/json_text.h"

namespace sluice::gateway::flows {
namespace {

// Lanes, each of which takes the next element when it has done one.
class ItemCalls final : private dag::StopListener {
 public:
  ItemCalls(const FlowNode& node, dag::Context& context, dag::Inputs<FlowValue> inputs)
      : StopListener(&StopAll),
        node_(node),
        context_(context),
        inputs_(inputs),
        deadline_(AttemptDeadline(node, context)) {}

  Task<Result<FlowValue>> Run(std::vector<std::string_view> items) {
    items_ = std::move(items);
    results_.resize(items_.size());
    context_.Listen(*this);
    const auto lanes = std::min<std::size_t>(
        items_.size(), static_cast<std::size_t>(node_.config->for_each->max_parallel));
    active_.resize(lanes, nullptr);
    for (std::size_t lane = 0; lane < lanes; ++lane)
      tasks_.Spawn(RunLane(lane));
    co_await tasks_.Drained();
    Leave();
    if (first_error_ && (FailsFast() || is_too_large_))
      co_return std::unexpected(std::move(*first_error_));
    if (is_stopped_) {
      co_return Fail(ErrorCode::kCancelled, "stopped before every element was done");
    }
    co_return Joined();
  }

 private:
  [[nodiscard]] bool FailsFast() const {
    return node_.config->for_each->on_failure == config::ItemFailure::kFailFast;
  }

  // Another for each element, the same in each attempt (the constant is that of SplitMix64).
  [[nodiscard]] std::uint64_t KeyOf(std::size_t index) const {
    return context_.idempotency_key() + 0x9E3779B97F4A7C15 * (index + 1);
  }

  Task<void> RunLane(std::size_t lane) {
    FlowRun& run = *inputs_[0].run;
    while (!is_stopped_ && next_ < items_.size()) {
      const std::size_t index = next_++;
      const FlowItem item{.json = items_[index], .index = index};
      FlowScope scope(run, node_.inputs, inputs_, item);
      FlowCall call(run, node_, deadline_, KeyOf(index));
      active_[lane] = &call;
      Result<Answer> answer = co_await call.Make(scope);
      active_[lane] = nullptr;
      if (answer && Fits(answer->body)) {
        results_[index] = std::move(answer->body);
        continue;
      }
      if (answer) {
        run.runner->CountTooLarge(node_.index);
        first_error_ = Error{.code = ErrorCode::kBadResponse,
                             .side = Side::kUpstream,
                             .detail = fmt::format("the answers have more than {} bytes together",
                                                   node_.config->max_answer_bytes)};
        is_too_large_ = true;
        Stop();
        continue;
      }
      if (!first_error_) first_error_ = std::move(answer.error());
      if (FailsFast()) Stop();
    }
  }

  // What is joined is one answer, and has its bound.
  bool Fits(const std::string& body) {
    bytes_ += body.size() + 1;
    return bytes_ <= node_.config->max_answer_bytes;
  }

  FlowValue Joined() {
    Answer joined;
    joined.body = "[";
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (i > 0) joined.body += ',';
      const bool has_body = results_[i] && !results_[i]->empty();
      joined.body += has_body ? *results_[i] : "null";
    }
    joined.body += ']';
    FlowValue value;
    value.answer = std::make_shared<const Answer>(std::move(joined));
    return value;
  }

  void Stop() {
    is_stopped_ = true;
    for (FlowCall* const call : active_) {
      if (call != nullptr) call->Stop();
    }
  }
  static void StopAll(StopListener& self) { static_cast<ItemCalls&>(self).Stop(); }

  const FlowNode& node_;
  dag::Context& context_;
  dag::Inputs<FlowValue> inputs_;
  SteadyTime deadline_;
  std::vector<std::string_view> items_;
  std::vector<std::optional<std::string>> results_;
  std::vector<FlowCall*> active_;  // By lane; null between two calls.
  std::optional<Error> first_error_;
  TaskGroup tasks_;
  std::size_t next_ = 0;
  Bytes bytes_ = 0;
  bool is_stopped_ = false;
  bool is_too_large_ = false;
};

}  // namespace

Task<Result<FlowValue>> CallForEach(const FlowNode& node,
                                    dag::Context& context,
                                    dag::Inputs<FlowValue> inputs) {
  FlowScope scope(*inputs[0].run, node.inputs, inputs);
  const Value value = scope.ValueOf(*node.items);
  std::vector<std::string_view> items;
  // What is not there has no elements: the node before it was optional, say.
  if (!value.is_nothing()) {
    if (JsonKindOf(value.text) != JsonKind::kArray) {
      co_return std::unexpected(CannotStand(*node.items, "is no array"));
    }
    items = JsonElements(value.text);
  }
  const auto bound = static_cast<std::size_t>(node.config->for_each->max_items);
  if (items.size() > bound) {
    co_return std::unexpected(CannotStand(
        *node.items,
        fmt::format("has {} elements, at most {} are gone through", items.size(), bound)));
  }
  ItemCalls calls(node, context, inputs);
  Result<FlowValue> joined = co_await calls.Run(std::move(items));
  co_return joined;
}

}  // namespace sluice::gateway::flows
