#include "load/report.h"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace sluice::load {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(Nanos span) {
  return std::chrono::duration<double>(span).count();
}

double Microseconds(Nanos span) {
  return std::chrono::duration<double, std::micro>(span).count();
}

Json ToJson(const UpstreamCounts& counts) {
  return {{"requests", counts.requests},
          {"connections", counts.connections},
          {"bad_requests", counts.bad_requests},
          {"cut_requests", counts.cut_requests},
          {"wasted", counts.wasted}};
}

Json ToJson(const CpuUse& cpu, std::int64_t requests, Nanos elapsed) {
  const Nanos sampled = cpu.user_sampled + cpu.kernel_sampled;
  const double user_ratio = sampled > Nanos(0) ? Seconds(cpu.user_sampled) / Seconds(sampled) : 0;
  const double total_us = Microseconds(cpu.total);
  const double per_request_us = requests > 0 ? total_us / static_cast<double>(requests) : 0;
  return {{"total_us", total_us},
          {"per_request_us", per_request_us},
          {"user_us", per_request_us * user_ratio},
          {"kernel_us", per_request_us * (1 - user_ratio)},
          {"ticks",
           {{"user_us", Microseconds(cpu.user_sampled)},
            {"kernel_us", Microseconds(cpu.kernel_sampled)}}},
          {"busy_ratio", Seconds(cpu.total) / Seconds(elapsed)},
          {"waited_ratio", Seconds(cpu.waited) / Seconds(elapsed)}};
}

}  // namespace

std::string FormatReport(const LoadOptions& options,
                         const LoadResult& result,
                         Tally& tally,
                         const UpstreamCounts* upstream) {
  Json failures = Json::object();
  for (std::size_t i = 0; i < kFailureKinds; ++i) {
    const auto failure = static_cast<Failure>(i);
    failures[std::string(NameOf(failure))] = tally.failures(failure);
  }
  Json statuses = Json::object();
  for (const auto& [status, count] : tally.statuses())
    statuses[std::to_string(status)] = count;
  const double elapsed = Seconds(result.measured_time);
  const auto measured = static_cast<double>(tally.measured());
  Json report = {
      {"begun", result.begun},
      {"answered", tally.answered()},
      {"failed", tally.failed()},
      {"failures", failures},
      {"statuses", statuses},
      {"connects", result.connects},
      {"closed_idle", result.closed_idle},
      {"closed_announced", result.closed_announced},
      {"stopped", result.stopped},
      {"measured",
       {{"requests", tally.measured()},
        {"seconds", elapsed},
        {"per_second", elapsed > 0 ? measured / elapsed : 0},
        {"p50_us", Microseconds(tally.Percentile(0.50))},
        {"p90_us", Microseconds(tally.Percentile(0.90))},
        {"p99_us", Microseconds(tally.Percentile(0.99))},
        {"max_us", Microseconds(tally.Percentile(1.0))}}},
  };
  if (!options.cpu_of.empty() && elapsed > 0) {
    report["cpu"] = ToJson(result.cpu, tally.measured(), result.measured_time);
  }
  if (upstream != nullptr) report["upstream"] = ToJson(*upstream);
  return report.dump();
}

std::string FormatUpstream(const UpstreamCounts& upstream) {
  return Json{{"upstream", ToJson(upstream)}}.dump();
}

}  // namespace sluice::load
