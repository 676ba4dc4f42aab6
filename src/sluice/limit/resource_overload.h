// ResourceOverload: what is done when memory, descriptors or the machine run short.
//
// A subset of Envoy's overload manager: each trigger turns a pressure (0 .. 1) into an activation
// (0 .. 1), at once at a threshold or linearly between two; an action takes the highest of its
// triggers. The control loop updates it, workers read the activations.
// Thread-safe.

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"

namespace sluice::limit {

enum class ResourceMonitor : std::uint8_t {
  kCgroupMemory,
  kOpenFiles,
  kConnections,
  kPressureCpu,  // Pressure stall information: the part of the last 10 s that somebody waited.
  kPressureMemory,
  kPressureIo,
};
inline constexpr std::size_t kResourceMonitors = 6;
// "cgroup_memory", "open_files", "connections", "psi_cpu", "psi_memory", "psi_io".
[[nodiscard]] std::string_view NameOf(ResourceMonitor monitor);

enum class ResourceAction : std::uint8_t {
  kRefuseRequests,    // With the activation as probability.
  kDisableKeepalive,  // Above 0: answers end their connections.
  kReduceTimeouts,    // Linearly, down to a least.
  kStopAccepting,     // At 1: connections wait in the kernel's queue.
  kResetStreams,      // The exchanges that hold the most memory end.
};
inline constexpr std::size_t kResourceActions = 5;
[[nodiscard]] std::string_view NameOf(ResourceAction action);

struct ResourceTrigger {
  ResourceMonitor monitor = ResourceMonitor::kCgroupMemory;
  ResourceAction action = ResourceAction::kRefuseRequests;
  double scaling_threshold = 1;     // 0 .. 1: from here on it is activated.
  double saturation_threshold = 1;  // scaling .. 1: from here on fully. Equal: at once.
};

// Appends every problem, each under `path` + "[i]." + the field's name.
void Validate(const std::vector<ResourceTrigger>& triggers,
              std::string_view path,
              ConfigProblems& problems);

// 0 .. 1. A pressure that is unknown (negative) activates nothing.
[[nodiscard]] double ActivationOf(const ResourceTrigger& trigger, double pressure);
// `full` at 0, `least` at 1, linearly between; never more than `full`.
[[nodiscard]] Nanos ReducedTimeout(Nanos full, Nanos least, double activation);

using ResourcePressures = std::array<double, kResourceMonitors>;

class ResourceOverload {
 public:
  // From the control loop, with what is configured now.
  void Update(const std::vector<ResourceTrigger>& triggers, const ResourcePressures& pressures);

  [[nodiscard]] double activation(ResourceAction action) const {
    return activations_[static_cast<std::size_t>(action)].load(std::memory_order_relaxed);
  }
  // Which monitor stands behind the action's activation.
  [[nodiscard]] ResourceMonitor cause(ResourceAction action) const {
    return causes_[static_cast<std::size_t>(action)].load(std::memory_order_relaxed);
  }
  [[nodiscard]] double pressure(ResourceMonitor monitor) const {
    return pressures_[static_cast<std::size_t>(monitor)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<double>, kResourceActions> activations_{};
  std::array<std::atomic<ResourceMonitor>, kResourceActions> causes_{};
  std::array<std::atomic<double>, kResourceMonitors> pressures_{};
};

}  // namespace sluice::limit
