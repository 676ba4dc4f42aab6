#include "load/tally.h"

#include <algorithm>

namespace sluice::load {

std::string_view NameOf(Failure failure) {
  constexpr std::array<std::string_view, kFailureKinds> kNames = {
      "connect",   "reset",       "closed_early", "truncated",
      "malformed", "wrong_bytes", "timeout",      "unfinished"};
  return kNames[static_cast<std::size_t>(failure)];
}

Tally::Tally(std::size_t samples_max) : samples_max_(samples_max) {}

void Tally::CountAnswer(int status, Nanos latency) {
  ++answered_;
  ++statuses_[status];
  if (!measuring_) return;
  ++measured_;
  if (latencies_ns_.size() < samples_max_) latencies_ns_.push_back(latency.count());
}

void Tally::CountFailure(Failure failure) {
  ++failures_[static_cast<std::size_t>(failure)];
}

void Tally::StartMeasuring() {
  measuring_ = true;
  measured_ = 0;
  latencies_ns_.clear();
  latencies_ns_.reserve(samples_max_);
}

std::int64_t Tally::failed() const {
  std::int64_t failed = 0;
  for (const std::int64_t count : failures_)
    failed += count;
  for (const auto& [status, count] : statuses_) {
    if (status < 200 || status > 299) failed += count;
  }
  return failed;
}

Nanos Tally::Percentile(double ratio) {
  if (latencies_ns_.empty()) return Nanos(0);
  const double last = static_cast<double>(latencies_ns_.size() - 1);
  const auto rank = static_cast<std::ptrdiff_t>(last * std::clamp(ratio, 0.0, 1.0));
  const auto at = latencies_ns_.begin() + rank;
  std::nth_element(latencies_ns_.begin(), at, latencies_ns_.end());
  return Nanos(*at);
}

}  // namespace sluice::load
