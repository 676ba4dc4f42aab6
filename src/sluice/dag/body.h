// How a body of any shape becomes the two function pointers that the engine calls. The inside of
// Builder.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "sluice/dag/draft.h"
#include "sluice/dag/handles.h"
#include "sluice/dag/run_block.h"
#include "sluice/dag/work.h"

namespace sluice::dag::internal {

template <typename F, typename... H>
struct Body {
  static_assert(std::is_invocable_v<const F&, Context&, ArgumentOf<H>...> ||
                    std::is_invocable_v<const F&, ArgumentOf<H>...>,
                "a body is called as const with (Context&, inputs…) or (inputs…): const T& for an "
                "Output, T&& for a Taken, StreamReader<T>& for a stream");
  static constexpr bool kContext = std::is_invocable_v<const F&, Context&, ArgumentOf<H>...>;

  using Result = std::remove_cvref_t<CallResult<kContext, F, Context, ArgumentOf<H>...>>;
  using Shape = Returned<Result>;
  using Value = typename Shape::Value;
  static constexpr bool kAsync = Shape::kAsync;

  template <std::size_t... I>
  static decltype(auto) Invoke(const Step& step,
                               RunBlock& run,
                               [[maybe_unused]] Context* context,
                               std::index_sequence<I...>) {
    const F& body = *static_cast<const F*>(step.callable);
    if constexpr (kContext) {
      return std::invoke(body, *context, Reading<H>::Read(run, step.inputs[I])...);
    } else {
      return std::invoke(body, Reading<H>::Read(run, step.inputs[I])...);
    }
  }
  static decltype(auto) Invoke(const Step& step, RunBlock& run, Context* context) {
    return Invoke(step, run, context, std::index_sequence_for<H...>());
  }

  static void Start(const NodeRecord& node, Context& context, WorkOwner& owner) {
    std::optional<typename Shape::Coroutine> work;
    try {
      work.emplace(Invoke(node.step, context.run(), &context));
    } catch (...) {
      owner.FailWithException();
      owner.finished(owner);
      return;
    }
    std::move(*work).Start(owner);
  }
};

// A writer of a stream takes the stream's writer after the context.
template <typename T, typename F, typename... H>
struct WriterBody {
  static_assert(std::is_invocable_v<const F&, Context&, StreamWriter<T>&, ArgumentOf<H>...>,
                "a writer's body is called as const with (Context&, StreamWriter<T>&, inputs…)");
  using Coroutine = std::invoke_result_t<const F&, Context&, StreamWriter<T>&, ArgumentOf<H>...>;
  using Value = Done;
  static_assert(std::is_same_v<Coroutine, Work<void>> || std::is_same_v<Coroutine, Work<Done>>,
                "a writer of a stream returns Work<void> or Work<Done>");
  static constexpr bool kAsync = true;

  template <std::size_t... I>
  static Coroutine Invoke(const Step& step, Context& context, std::index_sequence<I...>) {
    RunBlock& run = context.run();
    auto* channel = static_cast<StreamChannel<T>*>(run.slot(step.slot));
    return std::invoke(*static_cast<const F*>(step.callable), context, channel->writer(),
                       Reading<H>::Read(run, step.inputs[I])...);
  }

  static void Start(const NodeRecord& node, Context& context, WorkOwner& owner) {
    std::optional<Coroutine> work;
    try {
      work.emplace(Invoke(node.step, context, std::index_sequence_for<H...>()));
    } catch (...) {
      owner.FailWithException();
      owner.finished(owner);
      return;
    }
    std::move(*work).Start(owner);
  }
};

enum class Absence : std::uint8_t { kForbidden, kAllowed };

// Puts what a plain function returned into the step's slot.
template <typename B, bool kOptional>
bool CallPlain(const Step& step, RunBlock& run) {
  using Value = typename B::Value;
  using Stored = std::conditional_t<kOptional, std::optional<Value>, Value>;
  try {
    const auto call = [&]() -> decltype(auto) {
      if constexpr (B::kContext) {
        Context context(run, run.loop(), run.deadline(), step.node, 1);
        return B::Invoke(step, run, &context);
      } else {
        return B::Invoke(step, run, nullptr);
      }
    };
    if constexpr (std::is_void_v<typename B::Result>) {
      call();
      if constexpr (kOptional) ::new (run.slot(step.slot)) Stored(std::in_place);
    } else if constexpr (IsExpected<typename B::Result>::value) {
      auto returned = call();
      if (!returned) {
        run.Failed(std::move(returned.error()));
        return false;
      }
      if constexpr (std::is_void_v<typename B::Result::value_type>) {
        if constexpr (kOptional) ::new (run.slot(step.slot)) Stored(std::in_place);
      } else {
        ::new (run.slot(step.slot)) Stored(std::move(*returned));
      }
    } else {
      ::new (run.slot(step.slot)) Stored(call());  // In place: nothing is moved.
    }
    return true;
  } catch (...) {
    run.FailedWithException();
    return false;
  }
}

template <typename Stored>
void DescribeValue(NodeDraft& node) {
  if constexpr (!std::is_same_v<Stored, Done>) {
    node.value_bytes = sizeof(Stored);
    node.value_align = alignof(Stored);
    if constexpr (!std::is_trivially_destructible_v<Stored>) {
      node.destroy = [](void* slot) { static_cast<Stored*>(slot)->~Stored(); };
    }
  }
}

template <typename In>
NodeDraft DraftInput() {
  NodeDraft node;
  node.name = "input";
  DescribeValue<In>(node);
  return node;
}

template <typename B, Absence kAbsence>
NodeDraft DraftNode(std::string_view name,
                    std::shared_ptr<const Policy> policy,
                    std::shared_ptr<const void> callable) {
  constexpr bool kOptional = kAbsence == Absence::kAllowed;
  using Value = typename B::Value;
  using Stored = std::conditional_t<kOptional, std::optional<Value>, Value>;
  NodeDraft node;
  node.name = std::string(name);
  node.policy = std::move(policy);
  node.callable = std::move(callable);
  DescribeValue<Stored>(node);
  if constexpr (kOptional) {
    node.make_absent = [](void* slot) { ::new (slot) Stored(); };
  }
  if constexpr (B::kAsync) {
    node.kind = NodeKind::kAsync;
    node.note = "async";
    node.start = &B::Start;
  } else {
    node.call = &CallPlain<B, kOptional>;
  }
  return node;
}

// Chooses by the bool in the first input. A value that nobody else reads is moved.
template <typename T>
bool CopySelected(const Step& step, RunBlock& run) {
  const bool then = *static_cast<const bool*>(run.slot(step.inputs[0]));
  T* chosen = static_cast<T*>(run.slot(step.inputs[then ? 1 : 2]));
  const bool alone = run.plan().info[step.node].inputs[then ? 1 : 2].is_only_reader;
  try {
    if constexpr (std::is_same_v<T, Done>) {
      static_cast<void>(alone);
    } else if constexpr (std::is_copy_constructible_v<T>) {
      if (alone) {
        ::new (run.slot(step.slot)) T(std::move(*chosen));
      } else {
        ::new (run.slot(step.slot)) T(*chosen);
      }
    } else {
      ::new (run.slot(step.slot)) T(std::move(*chosen));  // Compile() has checked its readers.
    }
    return true;
  } catch (...) {
    run.FailedWithException();
    return false;
  }
}

// Where a plan keeps a body; one without state needs no memory of its own.
template <typename F>
std::shared_ptr<const void> Keep(F body) {
  if constexpr (std::is_empty_v<F> && std::is_default_constructible_v<F>) {
    static const F stateless{};
    return std::shared_ptr<const void>(std::shared_ptr<const void>(), &stateless);
  } else {
    return std::make_shared<const F>(std::move(body));
  }
}

template <typename T>
NodeDraft DraftSelect(std::string_view name) {
  NodeDraft node;
  node.name = std::string(name);
  node.note = "when";
  node.kind = NodeKind::kSelect;
  node.call = &CopySelected<T>;
  node.moves_selected = !std::is_copy_constructible_v<T>;
  DescribeValue<T>(node);
  return node;
}

template <typename T>
void MakeStream(NodeDraft& node, std::uint32_t capacity) {
  using Channel = StreamChannel<T>;
  node.note = "stream";
  node.capacity = capacity;
  node.value_bytes = sizeof(Channel);
  node.value_align = alignof(Channel);
  node.construct = [](void* slot, std::uint32_t items) { ::new (slot) Channel(items); };
  node.destroy = [](void* slot) { static_cast<Channel*>(slot)->~Channel(); };
  node.close_reader = [](void* slot) { static_cast<Channel*>(slot)->CloseReader(); };
  node.end_writer = [](void* slot, const NodeError* error) {
    static_cast<Channel*>(slot)->EndWriter(error);
  };
}

// False, and a problem noted, when the handle is of another builder.
template <typename H>
bool Owns(PlanDraft& draft, const H& handle) {
  if (handle.draft == &draft && handle.node < draft.nodes().size()) return true;
  draft.Complain(PlanErrorCode::kForeignHandle, "", "a handle of another builder was used");
  return false;
}

template <typename... H>
void AddInputs(PlanDraft& draft, NodeDraft& node, const H&... inputs) {
  node.inputs.reserve(sizeof...(H));
  (static_cast<void>(
       Owns(draft, inputs) &&
       (node.inputs.push_back(
            {.node = inputs.node, .kind = Reading<H>::kEdge, .is_taken = Reading<H>::kTaken}),
        true)),
   ...);
}

}  // namespace sluice::dag::internal
