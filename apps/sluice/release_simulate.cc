#include "release_simulate.h"

#include <array>
#include <string>

#include "exit_codes.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/release/simulation.h"

namespace sluice::app {
namespace {

using nlohmann::ordered_json;
using release::Delays;
using release::FalseAlarms;
using release::JudgeRuns;
using release::Traffic;

constexpr std::array<double, 4> kRates = {5, 20, 100, 1000};
constexpr std::array<double, 3> kDelayRates = {20, 100, 1000};
constexpr std::uint64_t kAlarmRunsFactor = 5;

std::string Seconds(double seconds) {
  return seconds < 0 ? "-" : fmt::format("{:.0f}", seconds);
}

ordered_json AlarmTable(const SimulateOptions& options) {
  ordered_json rows = ordered_json::array();
  const std::uint64_t runs = options.runs * kAlarmRunsFactor;
  for (const double rate : kRates) {
    const FalseAlarms alarms = release::CountFalseAlarms({.requests_per_second = rate},
                                                         options.tolerance, runs, options.seed);
    const auto percent = [&alarms](std::uint64_t count) {
      return 100.0 * static_cast<double>(count) / static_cast<double>(alarms.runs);
    };
    rows.push_back({{"requests_per_second", rate},
                    {"runs", alarms.runs},
                    {"flagger_99_threshold_5", percent(alarms.flagger5)},
                    {"flagger_99_threshold_10", percent(alarms.flagger10)},
                    {"argo_99_failure_limit_0", percent(alarms.argo)},
                    {"z_test_0.05", percent(alarms.z_test05)},
                    {"z_test_0.001", percent(alarms.z_test001)},
                    {"sluice_0.05", percent(alarms.event_test05)},
                    {"sluice_0.001", percent(alarms.event_test001)}});
  }
  return rows;
}

ordered_json DelayRow(double factor, double rate, const Delays& delays) {
  return {{"factor", factor},
          {"requests_per_second", rate},
          {"runs", delays.runs},
          {"found", delays.found},
          {"median_seconds", delays.median_seconds},
          {"p90_seconds", delays.p90_seconds},
          {"flagger_median_seconds", delays.flagger_median_seconds}};
}

ordered_json ErrorTable(const SimulateOptions& options) {
  ordered_json rows = ordered_json::array();
  const release::TestSetting setting{.tolerance = options.tolerance,
                                     .alpha = options.alpha,
                                     .runs = options.runs,
                                     .seed = options.seed};
  for (const double factor : {2.0, 4.0, 20.0, 200.0}) {
    for (const double rate : kDelayRates) {
      const Traffic traffic{.requests_per_second = rate, .error_factor = factor};
      rows.push_back(DelayRow(factor, rate, release::MeasureErrorDelays(traffic, setting)));
    }
  }
  return rows;
}

ordered_json LatencyTable(const SimulateOptions& options) {
  ordered_json rows = ordered_json::array();
  const release::TestSetting setting{.tolerance = options.tolerance,
                                     .alpha = options.alpha,
                                     .runs = options.runs,
                                     .seed = options.seed};
  for (const double scale : {1.0, 1.05, 1.1, 1.2, 1.5, 2.0}) {
    for (const double rate : kDelayRates) {
      const Traffic traffic{.requests_per_second = rate, .latency_scale = scale};
      rows.push_back(DelayRow(scale, rate, release::MeasureLatencyDelays(traffic, setting)));
    }
  }
  return rows;
}

ordered_json ShippedRow(const SimulateOptions& options, double factor, const Traffic& traffic) {
  const JudgeRuns got = release::RunJudge({}, traffic, options.runs / 2, options.seed);
  return {{"factor", factor},
          {"requests_per_second", traffic.requests_per_second},
          {"runs", got.runs},
          {"failed", got.failed},
          {"failed_by_guard", got.failed_by_guard},
          {"held", got.held},
          {"median_seconds", got.median_seconds},
          {"p90_seconds", got.p90_seconds}};
}

// The judge as it is shipped, with its guard-rails: equal versions, then worse ones. It does all
// its work each second, so there are fewer runs.
ordered_json ShippedTable(const SimulateOptions& options) {
  ordered_json rows = ordered_json::array();
  for (const double rate : kRates)
    rows.push_back(ShippedRow(options, 1, {.requests_per_second = rate}));
  for (const double factor : {2.0, 4.0, 20.0, 200.0}) {
    for (const double rate : kDelayRates) {
      const Traffic traffic{.requests_per_second = rate, .error_factor = factor};
      rows.push_back(ShippedRow(options, factor, traffic));
    }
  }
  return rows;
}

ordered_json ShippedLatencyTable(const SimulateOptions& options) {
  ordered_json rows = ordered_json::array();
  for (const double scale : {1.05, 1.1, 1.2, 1.5, 2.0}) {
    for (const double rate : kDelayRates) {
      const Traffic traffic{.requests_per_second = rate, .latency_scale = scale};
      rows.push_back(ShippedRow(options, scale, traffic));
    }
  }
  return rows;
}

void PrintAlarms(const ordered_json& rows) {
  fmt::print("{:>8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8}\n", "rps", "flagger 5",
             "flagger 10", "argo", "z .05", "z .001", "sluice", "sluice");
  fmt::print("{:>8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8}\n", "", "(>= 99 %)", "(>= 99 %)",
             "(>= 99 %)", "peeking", "peeking", ".05", ".001");
  for (const ordered_json& row : rows) {
    fmt::print("{:>8.0f}", row["requests_per_second"].get<double>());
    for (const char* key :
         {"flagger_99_threshold_5", "flagger_99_threshold_10", "argo_99_failure_limit_0"})
      fmt::print(" {:>9.1f}%", row[key].get<double>());
    for (const char* key : {"z_test_0.05", "z_test_0.001", "sluice_0.05", "sluice_0.001"})
      fmt::print(" {:>7.2f}%", row[key].get<double>());
    fmt::print("\n");
  }
}

void PrintDelays(const ordered_json& rows, bool has_flagger) {
  fmt::print("{:>8} {:>8} {:>12} {:>8} {:>8}{}\n", "factor", "rps", "found", "median", "p90",
             has_flagger ? "   flagger" : "");
  for (const ordered_json& row : rows) {
    const std::string found =
        fmt::format("{}/{}", row["found"].get<std::uint64_t>(), row["runs"].get<std::uint64_t>());
    fmt::print("{:>8} {:>8.0f} {:>12} {:>8} {:>8}", row["factor"].get<double>(),
               row["requests_per_second"].get<double>(), found,
               Seconds(row["median_seconds"].get<double>()),
               Seconds(row["p90_seconds"].get<double>()));
    if (has_flagger) fmt::print(" {:>9}", Seconds(row["flagger_median_seconds"].get<double>()));
    fmt::print("\n");
  }
}

void PrintShipped(const ordered_json& rows) {
  fmt::print("{:>8} {:>8} {:>8} {:>14} {:>8} {:>8} {:>8}\n", "factor", "rps", "failed",
             "of them guard", "held", "median", "p90");
  for (const ordered_json& row : rows) {
    const std::string failed =
        fmt::format("{}/{}", row["failed"].get<std::uint64_t>(), row["runs"].get<std::uint64_t>());
    fmt::print("{:>8} {:>8.0f} {:>8} {:>14} {:>8} {:>8} {:>8}\n", row["factor"].get<double>(),
               row["requests_per_second"].get<double>(), failed,
               row["failed_by_guard"].get<std::uint64_t>(), row["held"].get<std::uint64_t>(),
               Seconds(row["median_seconds"].get<double>()),
               Seconds(row["p90_seconds"].get<double>()));
  }
}

}  // namespace

int SimulateRelease(const SimulateOptions& options) {
  const std::string setting = fmt::format("r0 = {}, alpha = {}", options.tolerance, options.alpha);
  if (options.json) {
    const ordered_json all = {{"r0", options.tolerance},
                              {"alpha", options.alpha},
                              {"seed", options.seed},
                              {"false_alarms_percent", AlarmTable(options)},
                              {"error_delays", ErrorTable(options)},
                              {"latency_delays", LatencyTable(options)},
                              {"shipped_judge", ShippedTable(options)},
                              {"shipped_judge_latency", ShippedLatencyTable(options)}};
    fmt::print("{}\n", all.dump(2));
    return kSuccess;
  }
  fmt::print(
      "Two equal versions, 0.5 % errors, 10 % of the traffic on the candidate, one hour: "
      "rolled back by\n(r0 = {}; Flagger and Argo Rollouts by their documented thresholds)\n",
      options.tolerance);
  PrintAlarms(AlarmTable(options));
  fmt::print("\nErrors: seconds until a candidate with so many times the errors is found ({})\n",
             setting);
  PrintDelays(ErrorTable(options), /*has_flagger=*/true);
  fmt::print(
      "\nLatency: seconds until a candidate that takes so many times as long is found ({})\n",
      setting);
  PrintDelays(LatencyTable(options), /*has_flagger=*/false);
  fmt::print(
      "\nThe judge as shipped, guard-rails on: so many times the errors; with 1 both are equal\n"
      "(r0 = 1.2 for errors and 1.1 for latency, alpha = 0.01 for a release)\n");
  PrintShipped(ShippedTable(options));
  fmt::print(
      "\nThe judge as shipped: a candidate that takes so many times as long (r0 = 1.1, "
      "alpha = 0.01)\n");
  PrintShipped(ShippedLatencyTable(options));
  return kSuccess;
}

}  // namespace sluice::app
