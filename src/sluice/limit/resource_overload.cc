#include "sluice/limit/resource_overload.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::limit {

std::string_view NameOf(ResourceMonitor monitor) {
  switch (monitor) {
    case ResourceMonitor::kCgroupMemory:
      return "cgroup_memory";
    case ResourceMonitor::kOpenFiles:
      return "open_files";
    case ResourceMonitor::kConnections:
      return "connections";
    case ResourceMonitor::kPressureCpu:
      return "psi_cpu";
    case ResourceMonitor::kPressureMemory:
      return "psi_memory";
    case ResourceMonitor::kPressureIo:
      return "psi_io";
  }
  return "unknown";
}

std::string_view NameOf(ResourceAction action) {
  switch (action) {
    case ResourceAction::kRefuseRequests:
      return "stop_accepting_requests";
    case ResourceAction::kDisableKeepalive:
      return "disable_keepalive";
    case ResourceAction::kReduceTimeouts:
      return "reduce_timeouts";
    case ResourceAction::kStopAccepting:
      return "stop_accepting_connections";
    case ResourceAction::kResetStreams:
      return "reset_largest_streams";
  }
  return "unknown";
}

void Validate(const std::vector<ResourceTrigger>& triggers,
              std::string_view path,
              ConfigProblems& problems) {
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    const ResourceTrigger& trigger = triggers[i];
    // Written so that a NaN is out of range.
    const bool fits = trigger.scaling_threshold >= 0 && trigger.scaling_threshold <= 1;
    if (!fits) {
      problems.push_back({fmt::format("{}[{}].scaling_threshold", path, i),
                          fmt::format("must be 0..1, got {}", trigger.scaling_threshold)});
    }
    const bool is_ordered = trigger.saturation_threshold >= trigger.scaling_threshold &&
                            trigger.saturation_threshold <= 1;
    if (!is_ordered) {
      problems.push_back({fmt::format("{}[{}].saturation_threshold", path, i),
                          fmt::format("must be scaling_threshold ({})..1, got {}",
                                      trigger.scaling_threshold, trigger.saturation_threshold)});
    }
  }
}

double ActivationOf(const ResourceTrigger& trigger, double pressure) {
  if (!(pressure >= 0)) return 0;
  if (pressure >= trigger.saturation_threshold) return 1;
  const double span = trigger.saturation_threshold - trigger.scaling_threshold;
  if (span <= 0) return 0;
  return std::clamp((pressure - trigger.scaling_threshold) / span, 0.0, 1.0);
}

Nanos ReducedTimeout(Nanos full, Nanos least, double activation) {
  if (least >= full) return full;
  const double cut = static_cast<double>((full - least).count()) * std::clamp(activation, 0.0, 1.0);
  return full - Nanos(static_cast<Nanos::rep>(cut));
}

void ResourceOverload::Update(const std::vector<ResourceTrigger>& triggers,
                              const ResourcePressures& pressures) {
  std::array<double, kResourceActions> activations{};
  std::array<ResourceMonitor, kResourceActions> causes{};
  for (const ResourceTrigger& trigger : triggers) {
    const auto action = static_cast<std::size_t>(trigger.action);
    const double activation =
        ActivationOf(trigger, pressures[static_cast<std::size_t>(trigger.monitor)]);
    if (activation <= activations[action]) continue;
    activations[action] = activation;
    causes[action] = trigger.monitor;
  }
  for (std::size_t i = 0; i < kResourceActions; ++i) {
    causes_[i].store(causes[i], std::memory_order_relaxed);
    activations_[i].store(activations[i], std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < kResourceMonitors; ++i)
    pressures_[i].store(pressures[i], std::memory_order_relaxed);
}

}  // namespace sluice::limit
