#include "sluice/limit/decision_counts.h"

#include <cmath>

#include "sluice/limit/thread_number.h"

namespace sluice::limit {

namespace {

constexpr std::uint32_t kWhole = 10'000;

}  // namespace

void DecisionCounts::Add(DecisionKind kind) {
  const std::size_t thread = ThreadNumber();
  const auto index = static_cast<std::size_t>(kind);
  if (thread >= kOwnCells) [[unlikely]] {
    cells_[kOwnCells].counts[index].fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // One writer: a plain load and store lose nothing and need no locked instruction.
  std::atomic<std::uint64_t>& count = cells_[thread].counts[index];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

DecisionTotals DecisionCounts::Totals() const {
  DecisionTotals totals;
  const auto add = [](const Cell& cell, DecisionKind kind) {
    return cell.counts[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  };
  for (const Cell& cell : cells_) {
    totals.allowed += add(cell, DecisionKind::kAllowed);
    totals.denied += add(cell, DecisionKind::kDenied);
    totals.would_deny += add(cell, DecisionKind::kWouldDeny);
    totals.near_limit += add(cell, DecisionKind::kNearLimit);
  }
  return totals;
}

void EnforcedPart::Set(double percent) {
  const double part = std::round(percent * (kWhole / 100.0));
  per_ten_thousand_.store(static_cast<std::uint32_t>(part), std::memory_order_relaxed);
}

bool EnforcedPart::TakeNext() {
  const std::uint32_t part = per_ten_thousand_.load(std::memory_order_relaxed);
  if (part >= kWhole) [[likely]] {
    return true;
  }
  if (part == 0) return false;
  const std::uint64_t index = refusals_.fetch_add(1, std::memory_order_relaxed) % kWhole;
  // Enforced where the line of slope `part` crosses a whole number.
  return (index + 1) * part / kWhole != index * part / kWhole;
}

}  // namespace sluice::limit
