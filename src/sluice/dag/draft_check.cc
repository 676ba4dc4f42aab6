#include "sluice/dag/draft_check.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <queue>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sluice/dag/managed_node.h"

namespace sluice::dag {
namespace {

std::unexpected<PlanError> Wrong(PlanErrorCode code, const NodeDraft& node, std::string message) {
  std::string place = node.where.empty() ? "" : fmt::format("{}: ", node.where);
  return std::unexpected(
      PlanError{.code = code,
                .node = node.name,
                .message = fmt::format("{}node \"{}\": {}", place, node.name, message)});
}

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// An open hash table of node numbers: one allocation for all names.
class NameSet {
 public:
  explicit NameSet(const PlanDraft& draft)
      : draft_(draft), places_(std::bit_ceil(draft.nodes().size() * 2)) {}

  // The node that has the name of `node` already; null: none, and now it is taken.
  const NodeDraft* Add(std::size_t node) {
    const std::string& name = draft_.nodes()[node].name;
    std::size_t at = std::hash<std::string_view>()(name);
    for (;; ++at) {
      std::uint32_t& place = places_[at & (places_.size() - 1)];
      if (place == 0) {
        place = static_cast<std::uint32_t>(node + 1);
        return nullptr;
      }
      const NodeDraft& other = draft_.nodes()[place - 1];
      if (other.name == name) return &other;
    }
  }

 private:
  const PlanDraft& draft_;
  std::vector<std::uint32_t> places_;
};

PlanResult<void> CheckNames(const PlanDraft& draft) {
  NameSet names(draft);
  for (std::size_t i = 0; i < draft.nodes().size(); ++i) {
    const NodeDraft& node = draft.nodes()[i];
    if (node.name.empty() || !std::ranges::all_of(node.name, &IsNameChar)) {
      return Wrong(PlanErrorCode::kBadName, node, "a name is made of A-Z a-z 0-9 _ - and .");
    }
    const NodeDraft* const first = names.Add(i);
    if (first == nullptr) continue;
    return Wrong(PlanErrorCode::kDuplicateName, node,
                 first->where.empty()
                     ? "the name is taken already"
                     : fmt::format("the name is taken already, at {}", first->where));
  }
  return {};
}

std::string_view ProblemOfRetry(const RetryPolicy& retry) {
  if (retry.max_attempts < 1 || retry.max_attempts > 100) return "max_attempts is not in 1..100";
  if (retry.backoff < Nanos(0) || retry.backoff_max < Nanos(0)) return "a backoff is negative";
  if (!(retry.backoff_factor >= 1.0 && retry.backoff_factor <= 10.0)) {
    return "backoff_factor is not in 1..10";
  }
  if (!(retry.budget_ratio >= 0.0 && retry.budget_ratio <= 1.0)) {
    return "budget_ratio is not in 0..1";
  }
  if (!(retry.jitter >= 0.0 && retry.jitter <= 1.0)) return "jitter is not in 0..1";
  if (!(retry.budget_burst >= 1.0 && retry.budget_burst <= 10'000.0)) {
    return "budget_burst is not in 1..10000";
  }
  return "";
}

std::string_view ProblemOfTimes(const NodeDraft& node) {
  const Policy& policy = *node.policy;
  if (policy.timeout <= Nanos(0) || policy.attempt_timeout <= Nanos(0)) {
    return "a timeout is not positive";
  }
  if (policy.min_budget < Nanos(0)) return "min_budget is negative";
  if (policy.hedge_after < Nanos(0)) return "hedge_after is negative";
  const bool hedges = policy.hedge_after != Nanos::max();
  const bool is_timed = policy.timeout != Nanos::max() && policy.retry.max_attempts == 1;
  if (node.kind == NodeKind::kAsync) return "";
  if (hedges || is_timed || policy.attempt_timeout != Nanos::max()) {
    return "a plain function cannot be interrupted: make it a coroutine or Blocking()";
  }
  return "";
}

bool HasStream(const NodeDraft& node) {
  return node.construct != nullptr || std::ranges::any_of(node.inputs, [](const InputDraft& input) {
           return input.kind == EdgeKind::kStream;
         });
}

PlanResult<void> CheckPolicy(const NodeDraft& node) {
  const Policy& policy = *node.policy;
  const bool repeats = policy.retry.max_attempts > 1 || policy.hedge_after != Nanos::max();
  if (repeats && !policy.idempotent) {
    return Wrong(PlanErrorCode::kNotIdempotent, node,
                 "retry and hedge_after need idempotent = true: another attempt repeats the call");
  }
  for (const std::string_view problem : {ProblemOfRetry(policy.retry), ProblemOfTimes(node)}) {
    if (!problem.empty()) return Wrong(PlanErrorCode::kBadPolicy, node, std::string(problem));
  }
  if (policy.guards.size() > ManagedNode::kGuardsMax ||
      std::ranges::find(policy.guards, nullptr) != policy.guards.end()) {
    return Wrong(PlanErrorCode::kBadPolicy, node, "a node has at most 4 guards, none of them null");
  }
  const bool takes = std::ranges::any_of(node.inputs, &InputDraft::is_taken);
  if (repeats && (takes || HasStream(node))) {
    return Wrong(PlanErrorCode::kBadPolicy, node,
                 "an attempt uses up what it takes and the streams it touches: no retry, no hedge");
  }
  if (node.construct != nullptr && (node.capacity < 1 || node.capacity > 65'536)) {
    return Wrong(PlanErrorCode::kBadPolicy, node, "the capacity is not in 1..65536");
  }
  if (node.kind == NodeKind::kPlain && HasStream(node)) {
    return Wrong(PlanErrorCode::kBadPolicy, node, "only a coroutine can read a stream");
  }
  if (node.value_align > 64) {
    return Wrong(PlanErrorCode::kBadPolicy, node, "values are aligned to 64 bytes at most");
  }
  return {};
}

PlanResult<void> CheckReaders(const PlanDraft& draft, std::uint16_t output) {
  struct Readers {
    std::uint32_t all = 0;
    bool taken = false;
  };
  std::vector<Readers> readers(draft.nodes().size());
  readers[output].all = 1;
  for (const NodeDraft& node : draft.nodes()) {
    for (const InputDraft& input : node.inputs) {
      if (input.kind != EdgeKind::kData && input.kind != EdgeKind::kStream) continue;
      Readers& of = readers[input.node];
      ++of.all;
      of.taken = of.taken || input.is_taken || node.moves_selected;
    }
  }
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const NodeDraft& node = draft.nodes()[i];
    if (readers[i].taken && readers[i].all > 1) {
      return Wrong(PlanErrorCode::kTakenTwice, node,
                   "its value is moved by one of several readers");
    }
    if (node.construct != nullptr && (readers[i].all != 1 || i == output)) {
      return Wrong(PlanErrorCode::kStreamConsumer, node,
                   fmt::format("a stream has exactly one reader, got {}", readers[i].all));
    }
  }
  return {};
}

// Follows unfinished inputs until a node comes again: that is the cycle, backwards.
PlanError DescribeCycle(const PlanDraft& draft, const std::vector<std::uint32_t>& waits) {
  const std::vector<NodeDraft>& nodes = draft.nodes();
  const auto unfinished = [&](std::uint16_t node) { return waits[node] > 0; };
  std::uint16_t at = 0;
  while (!unfinished(at))
    ++at;
  std::vector<bool> seen(nodes.size());
  std::vector<std::uint16_t> path;
  while (!seen[at]) {
    seen[at] = true;
    path.push_back(at);
    for (const InputDraft& input : nodes[at].inputs) {
      if (!unfinished(input.node)) continue;
      at = input.node;
      break;
    }
  }
  path.erase(path.begin(), std::ranges::find(path, at));
  std::ranges::reverse(path);
  // Told from the node that was declared first.
  std::ranges::rotate(path, std::ranges::min_element(path));
  std::string names;
  std::string places;
  for (const std::uint16_t node : path) {
    names += nodes[node].name + " -> ";
    if (!nodes[node].where.empty()) {
      places += fmt::format("{}{} at {}", places.empty() ? "" : ", ", nodes[node].name,
                            nodes[node].where);
    }
  }
  return {.code = PlanErrorCode::kCycle,
          .node = nodes[path.front()].name,
          .message = fmt::format("cycle: {}{}{}", names, nodes[path.front()].name,
                                 places.empty() ? "" : fmt::format(" ({})", places))};
}

// As always when handles are all there is: a node is declared after its inputs.
bool IsInOrder(const PlanDraft& draft) {
  std::size_t at = 0;
  for (const NodeDraft& node : draft.nodes()) {
    for (const InputDraft& input : node.inputs) {
      if (input.node >= at) return false;
    }
    ++at;
  }
  return true;
}

}  // namespace

PlanResult<void> CheckDraft(const PlanDraft& draft, std::uint16_t output) {
  if (draft.problem() != nullptr) return std::unexpected(*draft.problem());
  if (PlanResult<void> names = CheckNames(draft); !names) return names;
  for (std::size_t i = 1; i < draft.nodes().size(); ++i) {
    if (PlanResult<void> policy = CheckPolicy(draft.nodes()[i]); !policy) return policy;
  }
  return CheckReaders(draft, output);
}

PlanResult<std::vector<std::uint16_t>> OrderDraft(const PlanDraft& draft) {
  const std::vector<NodeDraft>& nodes = draft.nodes();
  if (IsInOrder(draft)) {
    std::vector<std::uint16_t> order(nodes.size());
    std::iota(order.begin(), order.end(), std::uint16_t{0});
    return order;
  }
  std::vector<std::uint32_t> waits(nodes.size());
  std::vector<std::uint32_t> rows(nodes.size() + 1);
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    waits[node] = static_cast<std::uint32_t>(nodes[node].inputs.size());
    for (const InputDraft& input : nodes[node].inputs)
      ++rows[input.node + 1U];
  }
  for (std::size_t i = 1; i < rows.size(); ++i)
    rows[i] += rows[i - 1];
  std::vector<std::uint16_t> dependents(rows.back());
  std::vector<std::uint32_t> filled(rows.begin(), rows.end() - 1);
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    for (const InputDraft& input : nodes[node].inputs) {
      dependents[filled[input.node]++] = static_cast<std::uint16_t>(node);
    }
  }

  std::priority_queue<std::uint16_t, std::vector<std::uint16_t>, std::greater<>> ready;
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    if (waits[node] == 0) ready.push(static_cast<std::uint16_t>(node));
  }
  std::vector<std::uint16_t> order;
  order.reserve(nodes.size());
  while (!ready.empty()) {
    const std::uint16_t node = ready.top();
    ready.pop();
    order.push_back(node);
    for (std::uint32_t i = rows[node]; i < rows[node + 1U]; ++i) {
      if (--waits[dependents[i]] == 0) ready.push(dependents[i]);
    }
  }
  if (order.size() < nodes.size()) return std::unexpected(DescribeCycle(draft, waits));
  return order;
}

}  // namespace sluice::dag
