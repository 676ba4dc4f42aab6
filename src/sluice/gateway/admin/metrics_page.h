// Page: families of metrics as they are collected, then the text that Prometheus reads.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "sluice/gateway/latency_histogram.h"

namespace sluice::gateway {
class Gateway;
}

namespace sluice::gateway::admin {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Collects families; a family's samples must be added right after it was begun.
class Page {
 public:
  void Begin(MetricType type, const char* name, const char* help) {
    families_.push_back({name, help, type, {}});
  }
  void Add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families_.back().metric.push_back(std::move(metric));
  }
  template <typename Number>
  void Add(Labels labels, Number value) {
    Add(std::move(labels), static_cast<double>(value));
  }
  void AddHistogram(Labels labels,
                    const std::array<std::uint64_t, LatencyHistogram::kBucketCount>& buckets,
                    std::uint64_t sum_nanos) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < LatencyHistogram::kBoundsNanos.size(); ++i) {
      below += buckets[i];
      if (i < LatencyHistogram::kFirstExported) continue;
      metric.histogram.bucket.push_back(
          {below, static_cast<double>(LatencyHistogram::kBoundsNanos[i]) / 1e9});
    }
    metric.histogram.sample_count = below + buckets.back();
    metric.histogram.sample_sum = static_cast<double>(sum_nanos) / 1e9;
    families_.back().metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::string Text() const {
    std::vector<MetricFamily> shown;
    for (const MetricFamily& family : families_) {
      if (!family.metric.empty()) shown.push_back(family);
    }
    return prometheus::TextSerializer().Serialize(shown);
  }

 private:
  std::vector<MetricFamily> families_;
};

inline ClientMetric::Label Label(const char* name, std::string_view value) {
  return {name, std::string(value)};
}

// flow_metrics.cc
void AddFlows(Gateway& gateway, Page& page);

}  // namespace sluice::gateway::admin
