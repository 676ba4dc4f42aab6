// Tally: what happened to the requests of a run, counted so that nothing is counted twice or lost.
//
// Every request that was begun ends in exactly one of: answered (and then right or not), or one of
// the failures. Failures are counted over the whole run, warm-up and drain included; answers and
// latencies a second time inside the measured window.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "sluice/contract/time.h"

namespace sluice::load {

enum class Failure : std::uint8_t {
  kConnect,      // No connection: no request was lost, but a client could not have sent one.
  kReset,        // The connection broke after the request, before any byte of the answer.
  kClosedEarly,  // The connection was closed after the request, before any byte of the answer.
  kTruncated,    // The answer broke off.
  kMalformed,    // The answer could not be read, or bytes came that nobody had asked for.
  kWrongBytes,   // A 200 with another body, length or number than the request's.
  kTimeout,      // No whole answer within the time for a request.
  kUnfinished,   // In flight when the run had to end.
};
inline constexpr std::size_t kFailureKinds = 8;

// "connect", "reset", …
[[nodiscard]] std::string_view NameOf(Failure failure);

class Tally {
 public:
  // Latencies beyond `samples_max` are not kept (the percentiles are then of the first ones).
  explicit Tally(std::size_t samples_max);

  void CountAnswer(int status, Nanos latency);
  void CountFailure(Failure failure);

  // From here on answers count as measured, until StopMeasuring().
  void StartMeasuring();
  void StopMeasuring() { measuring_ = false; }

  [[nodiscard]] std::int64_t answered() const { return answered_; }
  [[nodiscard]] std::int64_t measured() const { return measured_; }
  [[nodiscard]] const std::map<int, std::int64_t>& statuses() const { return statuses_; }
  [[nodiscard]] std::int64_t failures(Failure failure) const {
    return failures_[static_cast<std::size_t>(failure)];
  }

  // Failures of every kind and answers other than 2xx.
  [[nodiscard]] std::int64_t failed() const;

  // The latency that `ratio` (0 .. 1) of the measured answers did not exceed; 0 without answers.
  [[nodiscard]] Nanos Percentile(double ratio);

 private:
  bool measuring_ = false;
  std::size_t samples_max_;
  std::int64_t answered_ = 0;
  std::int64_t measured_ = 0;
  std::map<int, std::int64_t> statuses_;
  std::array<std::int64_t, kFailureKinds> failures_{};
  std::vector<std::int64_t> latencies_ns_;
};

}  // namespace sluice::load
