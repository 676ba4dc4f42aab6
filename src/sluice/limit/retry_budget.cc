#include "sluice/limit/retry_budget.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::limit {

void Validate(const RetryBudgetOptions& options, std::string_view path, ConfigProblems& problems) {
  // Written so that a NaN is out of range.
  const bool fits = options.budget_percent >= 0 && options.budget_percent <= 100;
  if (!fits) {
    problems.push_back({fmt::format("{}.budget_percent", path),
                        fmt::format("must be 0..100, got {}", options.budget_percent)});
  }
  if (options.min_retry_concurrency < 0 || options.min_retry_concurrency > 1'000'000) {
    problems.push_back({fmt::format("{}.min_retry_concurrency", path),
                        fmt::format("must be 0..1000000, got {}", options.min_retry_concurrency)});
  }
}

std::int64_t RetryBudget::Limit(std::int64_t calls_in_flight) const {
  const double percent = budget_percent_.load(std::memory_order_relaxed);
  // Multiplied before it is divided, so that 20 % of 100 is 20 and not 19.99….
  const auto part =
      static_cast<std::int64_t>(percent * static_cast<double>(calls_in_flight) / 100.0);
  return std::max(min_retry_concurrency_.load(std::memory_order_relaxed), part);
}

std::optional<RetryBudget::Token> RetryBudget::TryAcquire(std::int64_t calls_in_flight) {
  const std::int64_t limit = Limit(calls_in_flight);
  std::int64_t active = active_retries_.load(std::memory_order_relaxed);
  while (active < limit) {
    if (active_retries_.compare_exchange_weak(active, active + 1, std::memory_order_relaxed)) {
      return Token(*this);
    }
  }
  refused_total_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

void RetryBudget::Reconfigure(const RetryBudgetOptions& options) {
  budget_percent_.store(options.budget_percent, std::memory_order_relaxed);
  min_retry_concurrency_.store(options.min_retry_concurrency, std::memory_order_relaxed);
}

}  // namespace sluice::limit
