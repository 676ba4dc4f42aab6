#include <fmt/format.h>

#include "sluice/limit/concurrency_limit.h"

namespace sluice::limit {
namespace {

class ConcurrencyComplaints {
 public:
  ConcurrencyComplaints(std::string_view path, ConfigProblems& problems)
      : path_(path), problems_(problems) {}
  // Written so that a NaN is out of range.
  template <typename Number>
  void Expect(bool fits, std::string_view field, std::string_view range, Number got) {
    if (fits) return;
    problems_.push_back(
        {fmt::format("{}.{}", path_, field), fmt::format("must be {}, got {}", range, got)});
  }
  void Add(std::string_view field, std::string text) {
    problems_.push_back({fmt::format("{}.{}", path_, field), std::move(text)});
  }

 private:
  std::string_view path_;
  ConfigProblems& problems_;
};

void ValidateAdaptive(const ConcurrencyOptions& options, ConcurrencyComplaints& complaints) {
  const auto is_within = [](double value, double least, double most) {
    return value >= least && value <= most;
  };
  complaints.Expect(options.min_limit >= 1 && options.min_limit <= options.max_limit, "min_limit",
                    "1..max_limit", options.min_limit);
  complaints.Expect(options.max_limit >= 1 && options.max_limit <= 1'000'000, "max_limit",
                    "1..1000000", options.max_limit);
  const ConcurrencyWindow& window = options.window;
  complaints.Expect(window.min >= std::chrono::milliseconds(10) && window.min <= window.max,
                    "window.min", "10000000 ns..window.max", window.min.count());
  complaints.Expect(window.max <= std::chrono::minutes(10), "window.max", "at most 600000000000 ns",
                    window.max.count());
  complaints.Expect(window.min_samples >= 1 && window.min_samples <= 1'000'000,
                    "window.min_samples", "1..1000000", window.min_samples);
  complaints.Expect(options.quantile > 0 && options.quantile < 1, "quantile", "above 0 and below 1",
                    options.quantile);
  complaints.Expect(is_within(options.baseline_window, 1, 1000), "baseline_window", "1..1000",
                    options.baseline_window);
  complaints.Expect(is_within(options.max_limit_factor, 1, 100), "max_limit_factor", "1..100",
                    options.max_limit_factor);
  complaints.Expect(is_within(options.smoothing, 0, 1), "smoothing", "0..1", options.smoothing);
  complaints.Expect(is_within(options.backoff_ratio, 0.1, 0.99), "backoff_ratio", "0.1..0.99",
                    options.backoff_ratio);
}

}  // namespace

void Validate(const ConcurrencyOptions& options, std::string_view path, ConfigProblems& problems) {
  ConcurrencyComplaints complaints(path, problems);
  if (options.name.empty()) complaints.Add("name", "is required; refusals are reported under it");
  complaints.Expect(options.initial_limit >= 1 && options.initial_limit <= 1'000'000,
                    "initial_limit", "1..1000000", options.initial_limit);
  if (options.algorithm != ConcurrencyAlgorithm::kFixed) ValidateAdaptive(options, complaints);
  complaints.Expect(options.enforce_percent >= 0 && options.enforce_percent <= 100,
                    "enforce_percent", "0..100", options.enforce_percent);
  if (options.queue) Validate(*options.queue, fmt::format("{}.queue", path), problems);
  Validate(options.partitions, fmt::format("{}.partitions", path), problems);
}

}  // namespace sluice::limit
