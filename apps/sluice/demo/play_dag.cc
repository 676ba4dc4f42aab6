// The step `dag`: what running calls at once is worth, and how close it comes to what is possible.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "demo/charts.h"
#include "demo/step.h"
#include "demo/tally.h"
#include "demo/users.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace sluice::demo {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kWarmUp = 4;
constexpr std::size_t kBookings = 15;  // Each way, one after the other.
constexpr std::size_t kChartColumns = 56;
constexpr double kCloseMs = 15;  // Above the critical path: gateway, sockets, a busy machine.
constexpr double kCloseRatio = 0.10;
constexpr double kGainMin = 1.3;

// One booking, as its user and its service saw it. Times in milliseconds.
struct Trip {
  double response = 0;
  double path = 0;  // What the critical path takes.
  double sum = 0;   // What all calls take.
  Json timing;
};

struct Trips {
  std::vector<Trip> made;
  std::vector<std::string> failures;

  // The trip in the middle, by what its user waited. Requires one.
  [[nodiscard]] const Trip& Middle() const { return made[made.size() / 2]; }
};

Trips Make(Stage& stage, Scene& scene, std::string_view mode) {
  Trips trips;
  for (std::size_t i = 0; i < kWarmUp + kBookings; ++i) {
    Question question = BookingOf(i);
    question.target += fmt::format("?mode={}&trace=1", mode);
    const Answer answer = stage.Ask(question);
    scene.Progress(fmt::format("{}: booking {}", mode, i + 1));
    const Json body = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    if (!IsGood(answer) || !body.is_object() || !body.contains("timing")) {
      trips.failures.push_back(WhatWasTold(answer));
      continue;
    }
    if (i < kWarmUp) continue;  // Connections are being opened.
    const Json& timing = body["timing"];
    trips.made.push_back(
        {.response = std::chrono::duration<double, std::milli>(answer.latency).count(),
         .path = timing.value("critical_path_ms", 0.0),
         .sum = timing.value("sum_ms", 0.0),
         .timing = timing});
  }
  std::ranges::sort(trips.made, {}, &Trip::response);
  return trips;
}

void Draw(Scene& scene, const Json& timing) {
  std::vector<std::string> path;
  for (const Json& node : timing["critical_path"])
    path.push_back(node.get<std::string>());
  std::vector<Bar> bars;
  for (const Json& call : timing["calls"]) {
    const std::string node = call.value("node", "");
    bars.push_back({.name = node,
                    .start_ms = call.value("start_ms", 0.0),
                    .end_ms = call.value("end_ms", 0.0),
                    .is_critical = std::ranges::find(path, node) != path.end()});
  }
  scene.Line("");
  for (const std::string& line : TimeChart(bars, kChartColumns))
    scene.Line(line + " ms");
  scene.Line("");
  scene.Line(fmt::format("█ the critical path: {}", fmt::join(path, " → ")));
  scene.Line("");
}

}  // namespace

void PlayDag(Stage& stage, Scene& scene) {
  scene.Say(
      "A booking waits for seven answers. Written as a DAG, each call starts the moment its inputs "
      "are there; written one after the other, each waits for the one before it. The same calls, "
      "the same services, 15 bookings each way:");
  const Trips dag = Make(stage, scene, "dag");
  const Trips sequence = Make(stage, scene, "sequential");
  const bool all_made = dag.failures.empty() && sequence.failures.empty();
  if (dag.made.empty() || sequence.made.empty()) {
    scene.Require(false, fmt::format("every booking is made: {}",
                                     fmt::join(all_made ? sequence.failures : dag.failures, ", ")));
    return;
  }
  const Trip& at_once = dag.Middle();
  const Trip& one_by_one = sequence.Middle();
  scene.Line("");
  scene.Line(fmt::format("{:<14}{:>10}", "", "users wait"));
  scene.Line(fmt::format("{:<14}{:>7.0f} ms    critical path {:.0f} ms", "as a DAG",
                         at_once.response, at_once.path));
  scene.Line(fmt::format("{:<14}{:>7.0f} ms    sum of all calls {:.0f} ms", "one by one",
                         one_by_one.response, one_by_one.sum));
  Draw(scene, at_once.timing);
  scene.Note("dag", {{"response_ms", at_once.response},
                     {"critical_path_ms", at_once.path},
                     {"sum_ms", at_once.sum}});
  scene.Note("sequential", {{"response_ms", one_by_one.response}, {"sum_ms", one_by_one.sum}});

  const double gain = one_by_one.response / at_once.response;
  scene.Require(all_made, "every booking is made, both ways");
  scene.Require(at_once.response <= at_once.path * (1 + kCloseRatio) + kCloseMs,
                fmt::format("the DAG takes little more than its critical path: {:.0f} ms, of which "
                            "{:.1f} ms are the gateway's, the service's and the network's",
                            at_once.response, at_once.response - at_once.path));
  scene.Require(gain >= kGainMin, fmt::format("and is {:.1f} times as fast as one by one", gain));
}

}  // namespace sluice::demo
