#include "sluice/gateway/overload_options.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

constexpr std::int64_t kMinLimit = 4;

// In the order of the configuration's words.
static_assert(static_cast<int>(limit::ConcurrencyAlgorithm::kFixed) ==
              static_cast<int>(config::ConcurrencyAlgorithm::kFixed));
static_assert(static_cast<int>(limit::QueueOrder::kLifoWhenOverloaded) ==
              static_cast<int>(config::QueueOrder::kLifoWhenOverloaded));
static_assert(static_cast<int>(limit::Criticality::kCriticalPlus) ==
              static_cast<int>(config::CriticalityClass::kCriticalPlus));
static_assert(static_cast<int>(limit::ResourceMonitor::kPressureIo) ==
              static_cast<int>(config::ResourceMonitor::kPsiIo));
static_assert(static_cast<int>(limit::ResourceAction::kResetStreams) ==
              static_cast<int>(config::ResourceAction::kResetLargestStreams));

limit::AdmissionQueueOptions QueueOptionsOf(const config::AdmissionQueueConfig& config) {
  return {.initial_rejection_factor = config.initial_rejection_factor,
          .max_rejection_factor = config.max_rejection_factor,
          .order = static_cast<limit::QueueOrder>(config.order),
          .max_wait = config.max_wait,
          .codel = {.target_delay = config.codel.target_delay, .interval = config.codel.interval}};
}

bool Has(const config::ControllerConfig& controller, config::OverloadSignal signal) {
  return std::ranges::find(controller.signal, signal) != controller.signal.end();
}

}  // namespace

limit::ConcurrencyOptions OptionsOf(const config::ConcurrencyLimitConfig& config,
                                    std::size_t workers) {
  limit::ConcurrencyOptions options;
  options.name = config.name;
  options.algorithm = static_cast<limit::ConcurrencyAlgorithm>(config.algorithm);
  const bool is_fixed = config.algorithm == config::ConcurrencyAlgorithm::kFixed;
  options.initial_limit = is_fixed ? config.limit : config.initial_limit;
  options.max_limit = config.max_limit;
  options.min_limit = config.min_limit;
  if (config.min_limit == 0) {
    const auto automatic = std::max(kMinLimit, static_cast<std::int64_t>(workers));
    options.min_limit = std::min(automatic, config.max_limit);
  }
  options.window = {
      .min = config.window.min, .max = config.window.max, .min_samples = config.window.min_samples};
  options.quantile = config.quantile;
  options.baseline_window = config.baseline_window;
  options.max_limit_factor = config.max_limit_factor;
  options.smoothing = config.smoothing;
  options.backoff_ratio = config.backoff_ratio;
  options.mode = config.mode;
  options.enforce_percent = config.enforce_percent;
  if (config.queue) options.queue = QueueOptionsOf(*config.queue);
  for (const auto& [name, ratio] : config.partitions)
    options.partitions.push_back({.name = name, .ratio = ratio});
  return options;
}

limit::AdaptiveThrottleOptions OptionsOf(const config::AdmissionControlConfig& config,
                                         const std::string& name) {
  return {.name = name,
          .sampling_window = config.sampling_window,
          .success_rate_threshold = config.success_rate_threshold,
          .aggression = config.aggression,
          .rps_threshold = config.rps_threshold,
          .max_rejection_probability = config.max_rejection_probability,
          .force_pass_interval = config.force_pass_interval,
          .mode = config.mode,
          .enforce_percent = config.enforce_percent};
}

limit::SystemRulesOptions SystemOptionsOf(const config::OverloadConfig& config) {
  const bool sheds = Has(config.controller, config::OverloadSignal::kCpu);
  return {.cpu_threshold = sheds ? 0 : config.system.cpu.threshold,
          .load1 = config.system.load1,
          .bbr = config.system.cpu.bbr,
          .max_concurrency = config.system.max_concurrency,
          .max_qps = config.system.max_qps,
          .avg_rt = config.system.avg_rt,
          .watch_capacity = sheds && config.system.cpu.bbr && config.system.cpu.threshold > 0,
          .mode = config.mode,
          .enforce_percent = config.enforce_percent};
}

std::vector<limit::ResourceTrigger> TriggersOf(const config::OverloadConfig& config) {
  std::vector<limit::ResourceTrigger> triggers;
  for (const config::ResourceTriggerConfig& trigger : config.resources.triggers) {
    limit::ResourceTrigger out{.monitor = static_cast<limit::ResourceMonitor>(trigger.monitor),
                               .action = static_cast<limit::ResourceAction>(trigger.action)};
    if (trigger.scaled) {
      out.scaling_threshold = trigger.scaled->scaling_threshold;
      out.saturation_threshold = trigger.scaled->saturation_threshold;
    } else {
      out.scaling_threshold = trigger.threshold.value_or(1);
      out.saturation_threshold = out.scaling_threshold;
    }
    triggers.push_back(out);
  }
  return triggers;
}

limit::Criticality CriticalityOf(config::CriticalityClass criticality) {
  return static_cast<limit::Criticality>(criticality);
}

}  // namespace sluice::gateway
