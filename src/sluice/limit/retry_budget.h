// RetryBudget: bounds retries to a part of the calls in flight, so that retries cannot multiply an
// outage (SRE book ch. 22; Envoy's retry_budget).
//
// A retry may start while retries in flight are fewer than
// max(min_retry_concurrency, budget_percent of (active + pending)).
// Exact under concurrency: the count is raised by compare-and-swap. Thread-safe.

#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "sluice/contract/config_problem.h"

namespace sluice::limit {

struct RetryBudgetOptions {
  double budget_percent = 20;              // 0 .. 100 of the calls in flight.
  std::int64_t min_retry_concurrency = 3;  // 0 .. 1'000'000 retries that are always allowed.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const RetryBudgetOptions& options, std::string_view path, ConfigProblems& problems);

class RetryBudget {
 public:
  // One retry in flight; gives its place back when destroyed. Must not outlive the budget.
  class [[nodiscard]] Token {
   public:
    Token(Token&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)) {}
    Token& operator=(Token&& other) noexcept {
      std::swap(budget_, other.budget_);
      return *this;
    }
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;
    ~Token() {
      if (budget_ != nullptr) budget_->active_retries_.fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    friend class RetryBudget;
    explicit Token(RetryBudget& budget) : budget_(&budget) {}
    RetryBudget* budget_;
  };

  // Requires options that Validate() finds nothing wrong with.
  explicit RetryBudget(const RetryBudgetOptions& options) { Reconfigure(options); }
  RetryBudget(const RetryBudget&) = delete;
  RetryBudget& operator=(const RetryBudget&) = delete;

  // `calls_in_flight`: active and pending calls to the same upstream, retries included.
  // Empty when the budget is spent.
  [[nodiscard]] std::optional<Token> TryAcquire(std::int64_t calls_in_flight);

  // Takes effect with the next TryAcquire; retries in flight are kept.
  void Reconfigure(const RetryBudgetOptions& options);

  // How many retries may be in flight beside that many calls.
  [[nodiscard]] std::int64_t Limit(std::int64_t calls_in_flight) const;
  [[nodiscard]] std::int64_t active_retries() const {
    return active_retries_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t refused_total() const {
    return refused_total_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<double> budget_percent_{0};
  std::atomic<std::int64_t> min_retry_concurrency_{0};
  std::atomic<std::int64_t> active_retries_{0};
  std::atomic<std::uint64_t> refused_total_{0};
};

}  // namespace sluice::limit
