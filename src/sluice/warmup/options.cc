#include "sluice/warmup/options.h"

#include <fmt/format.h>

namespace sluice::warmup {
namespace {

using namespace std::chrono_literals;

class Checker {
 public:
  Checker(std::string_view path, ConfigProblems& problems) : path_(path), problems_(problems) {}

  void Span(std::string_view field, Nanos value, Nanos least, Nanos most) {
    if (value >= least && value <= most) return;
    problems_.push_back(
        {fmt::format("{}.{}", path_, field),
         fmt::format("must be {}ms..{}s, got {}ms", least / 1ms, most / 1s, value / 1ms)});
  }
  void Count(std::string_view field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    if (value >= least && value <= most) return;
    problems_.push_back({fmt::format("{}.{}", path_, field),
                         fmt::format("must be {}..{}, got {}", least, most, value)});
  }
  void Ratio(std::string_view field, double value, double most) {
    if (value >= 0 && value <= most) return;
    problems_.push_back(
        {fmt::format("{}.{}", path_, field), fmt::format("must be 0..{}, got {}", most, value)});
  }

 private:
  std::string_view path_;
  ConfigProblems& problems_;
};

}  // namespace

void Validate(const WarmupOptions& options, std::string_view path, ConfigProblems& problems) {
  Checker check(path, problems);
  check.Span("timeout", options.timeout, 1s, 1h);
  check.Span("connect_timeout", options.connect_timeout, 1s, 1h);
  check.Span("touch_timeout", options.touch_timeout, 100ms, 10min);
  check.Span("request_timeout", options.request_timeout, 100ms, 10min);
  check.Count("target_requests", options.target_requests, 0, 1'000'000);
  check.Count("class_min", options.class_min, 1, 1000);
  check.Count("concurrency_max", options.concurrency_max, 1, 1024);
  check.Ratio("rate_per_second", options.rate_per_second, 1e6);
  check.Ratio("verify_ratio", options.verify_ratio, 1);
  check.Span("verify_time", options.verify_time, 1s, 10min);
  Validate(options.detect, fmt::format("{}.detect", path), problems);
}

}  // namespace sluice::warmup
