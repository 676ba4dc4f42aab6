// EventTest: is an event more frequent on the candidate than it may be?
//
// Each event (an error, a slow answer) happened on the candidate or on stable. If the candidate has
// at most `tolerance` times stable's rate, an event is one of the candidate's with probability at
// most p0 = tolerance * share / (tolerance * share + 1 - share), whatever the rate itself and
// however it varies. Against that stand a few larger ratios; the mean of their likelihood ratios is
// an e-process: under the hypothesis it exceeds 1/alpha at any time with probability at most alpha
// (Ville's inequality), so it may be looked at after each tick, for ever. Mixtures of likelihood
// ratios: Robbins 1970; for counts: arXiv 2011.03567.
//
// Two values a ratio; not thread-safe.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::release {

// Where an effect may lie, as multiples of the tolerance.
inline constexpr std::array<double, 7> kErrorRatios = {1.5, 2, 3, 5, 10, 20, 50};
inline constexpr std::array<double, 7> kLatencyRatios = {1.05, 1.1, 1.2, 1.5, 2, 4, 10};
inline constexpr std::array<double, 6> kAssignmentRatios = {0.5, 0.8, 0.95, 1.05, 1.25, 2};

class EventTest {
 public:
  static constexpr std::size_t kRatiosMax = 7;
  using LogSums = std::array<double, kRatiosMax>;

  // `tolerance` above 0; `ratios`: 1 .. kRatiosMax, static.
  EventTest(double tolerance, std::span<const double> ratios);

  // Events of a time in which the candidate had the share `share` of the requests. Shares of 0 and
  // 1 compare nothing and are passed over.
  void Add(double share, std::uint64_t candidate_events, std::uint64_t stable_events);

  // ln of the e-value: 0 at first, ln(1/alpha) is enough to reject.
  [[nodiscard]] double log_e() const;

  // For keeping it over a restart.
  [[nodiscard]] const LogSums& log_sums() const { return log_sums_; }
  void Restore(const LogSums& log_sums) { log_sums_ = log_sums; }

 private:
  double tolerance_;
  std::span<const double> ratios_;
  LogSums log_sums_{};
};

// ln of the mean of values whose logarithms are given; at least one.
[[nodiscard]] double LogMeanExp(std::span<const double> logs);

// The smallest ratio that so many requests, at stable's rate of events, would have told from the
// tolerance with the threshold ln(1/alpha). 0: none up to 100.
struct Exposure {
  double tolerance = 1;
  double log_threshold = 0;
  double stable_rate = 0;
  double candidate_requests = 0;
  double stable_requests = 0;
};
[[nodiscard]] double SmallestDetectableRatio(const Exposure& exposure);

}  // namespace sluice::release
