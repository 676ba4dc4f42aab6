// What a Builder hands out for the values of nodes, and how bodies are given them.
//
// A handle is an index; it means nothing outside its builder and the plan that comes of it.

#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "sluice/dag/draft.h"
#include "sluice/dag/run_block.h"
#include "sluice/dag/stream_edge.h"

namespace sluice::dag {

// The value of a node; its readers get a `const T&`.
template <typename T>
struct Output {
  using Value = T;
  const PlanDraft* draft = nullptr;
  std::uint16_t node = kNoNode;
};

// As Output, for the only reader of a value, which gets a `T&&`.
template <typename T>
struct Taken {
  using Value = T;
  const PlanDraft* draft = nullptr;
  std::uint16_t node = kNoNode;
};

template <typename T>
[[nodiscard]] Taken<T> Take(Output<T> output) {
  return {output.draft, output.node};
}

// The stream that a node writes while it runs; its one reader gets a `StreamReader<T>&`.
template <typename T>
struct StreamOutput {
  using Value = T;
  const PlanDraft* draft = nullptr;
  std::uint16_t node = kNoNode;
};

namespace internal {

template <typename H>
struct Reading;
template <typename T>
struct Reading<Output<T>> {
  using Argument = const T&;
  static constexpr EdgeKind kEdge = EdgeKind::kData;
  static constexpr bool kTaken = false;
  static Argument Read(RunBlock& run, std::uint32_t slot) {
    return *static_cast<const T*>(run.slot(slot));
  }
};
template <typename T>
struct Reading<Taken<T>> {
  using Argument = T&&;
  static constexpr EdgeKind kEdge = EdgeKind::kData;
  static constexpr bool kTaken = true;
  static Argument Read(RunBlock& run, std::uint32_t slot) {
    return std::move(*static_cast<T*>(run.slot(slot)));
  }
};
template <typename T>
struct Reading<StreamOutput<T>> {
  using Argument = StreamReader<T>&;
  static constexpr EdgeKind kEdge = EdgeKind::kStream;
  static constexpr bool kTaken = false;
  static Argument Read(RunBlock& run, std::uint32_t slot) {
    return static_cast<StreamChannel<T>*>(run.slot(slot))->reader();
  }
};

template <typename H>
using ArgumentOf = typename Reading<H>::Argument;

}  // namespace internal
}  // namespace sluice::dag
