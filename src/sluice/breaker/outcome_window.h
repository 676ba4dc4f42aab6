// OutcomeWindow: what the recent calls came to: how many, failed, slow.
//
// By time: a ring of buckets, of which the newest is filling; the sums cover the last `buckets`
// buckets exactly. By count: a ring of the last N outcomes of two bits each, with running sums, so
// that the Nth call is judged with exactly N. Allocates in the constructor alone.
//
// Not thread-safe: it stands behind its breaker's lock.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/breaker/options.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

struct CallResult {
  bool failed = false;
  bool slow = false;
};

struct OutcomeCounts {
  std::uint64_t calls = 0;
  std::uint64_t failed = 0;
  std::uint64_t slow = 0;

  void Add(const CallResult& result);

  // In percent, or -1 without calls.
  [[nodiscard]] double failure_rate() const;
  [[nodiscard]] double slow_rate() const;
};

class OutcomeWindow {
 public:
  OutcomeWindow(const SlidingWindowOptions& options, SteadyTime now);

  // A `now` before the filling bucket counts as that bucket.
  void Record(const CallResult& result, SteadyTime now);
  // Drops what has left the window by `now`.
  void Advance(SteadyTime now);
  [[nodiscard]] const OutcomeCounts& counts() const { return sums_; }
  void Clear();

  [[nodiscard]] const SlidingWindowOptions& options() const { return options_; }

 private:
  void RecordByCount(const CallResult& result);
  void Rotate(SteadyTime now);

  SlidingWindowOptions options_;
  OutcomeCounts sums_;

  // By time.
  std::vector<OutcomeCounts> buckets_;
  Nanos bucket_length_{0};
  std::size_t filling_ = 0;
  SteadyTime filling_ends_;

  // By count: bit pairs {failed, slow}, 32 to a word.
  std::vector<std::uint64_t> outcomes_;
  std::size_t next_ = 0;
};

}  // namespace sluice::breaker
