#include "sluice/breaker/outcome_window.h"

#include <algorithm>

namespace sluice::breaker {

namespace {

double PercentOf(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return -1;
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

constexpr std::size_t kOutcomesPerWord = 32;

}  // namespace

double OutcomeCounts::failure_rate() const {
  return PercentOf(failed, calls);
}

double OutcomeCounts::slow_rate() const {
  return PercentOf(slow, calls);
}

void OutcomeCounts::Add(const CallResult& result) {
  ++calls;
  failed += result.failed ? 1 : 0;
  slow += result.slow ? 1 : 0;
}

OutcomeWindow::OutcomeWindow(const SlidingWindowOptions& options, SteadyTime now)
    : options_(options) {
  if (options.type == WindowType::kCount) {
    const auto calls = static_cast<std::size_t>(options.calls);
    outcomes_.resize((calls + kOutcomesPerWord - 1) / kOutcomesPerWord);
    return;
  }
  buckets_.resize(static_cast<std::size_t>(options.buckets));
  bucket_length_ = options.length / options.buckets;
  filling_ends_ = now + bucket_length_;
}

void OutcomeWindow::Record(const CallResult& result, SteadyTime now) {
  if (options_.type == WindowType::kCount) {
    RecordByCount(result);
    return;
  }
  Advance(now);
  buckets_[filling_].Add(result);
  sums_.Add(result);
}

void OutcomeWindow::Advance(SteadyTime now) {
  if (options_.type == WindowType::kTime && now >= filling_ends_) Rotate(now);
}

// Empties the oldest bucket once for each bucket's length that has passed; all of them at most.
void OutcomeWindow::Rotate(SteadyTime now) {
  const std::int64_t passed = (now - filling_ends_) / bucket_length_ + 1;
  filling_ends_ += bucket_length_ * passed;
  const auto steps = std::min(static_cast<std::size_t>(passed), buckets_.size());
  for (std::size_t step = 0; step < steps; ++step) {
    filling_ = (filling_ + 1) % buckets_.size();
    OutcomeCounts& oldest = buckets_[filling_];
    sums_.calls -= oldest.calls;
    sums_.failed -= oldest.failed;
    sums_.slow -= oldest.slow;
    oldest = {};
  }
}

void OutcomeWindow::RecordByCount(const CallResult& result) {
  constexpr std::uint64_t kPair = 3;
  const auto calls = static_cast<std::size_t>(options_.calls);
  std::uint64_t& word = outcomes_[next_ / kOutcomesPerWord];
  const std::uint64_t shift = 2 * (next_ % kOutcomesPerWord);
  if (sums_.calls == calls) {
    const std::uint64_t oldest = (word >> shift) & kPair;
    --sums_.calls;
    sums_.failed -= oldest & 1U;
    sums_.slow -= oldest >> 1U;
  }
  const std::uint64_t newest = (result.failed ? 1U : 0U) | (result.slow ? 2U : 0U);
  word = (word & ~(kPair << shift)) | (newest << shift);
  sums_.Add(result);
  next_ = next_ + 1 == calls ? 0 : next_ + 1;
}

void OutcomeWindow::Clear() {
  sums_ = {};
  std::ranges::fill(buckets_, OutcomeCounts{});
  next_ = 0;
}

}  // namespace sluice::breaker
