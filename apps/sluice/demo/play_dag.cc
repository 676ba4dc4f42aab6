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

// Nothing but the machine is between them.
bool IsClose(double response_ms, double path_ms) {
  return response_ms <= path_ms * (1 + kCloseRatio) + kCloseMs;
}

// Bookings at `target`, one after the other.
Trips Make(Stage& stage, Scene& scene, std::string_view way, std::string_view target) {
  Trips trips;
  for (std::size_t i = 0; i < kWarmUp + kBookings; ++i) {
    Question question = BookingOf(i);
    question.target = target;
    const Answer answer = stage.Ask(question);
    scene.Progress(fmt::format("{}: booking {}", way, i + 1));
    const Json body = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    if (!IsGood(answer) || !body.is_object()) {
      trips.failures.push_back(WhatWasTold(answer));
      continue;
    }
    if (i < kWarmUp) continue;  // Connections are being opened.
    const Json timing = body.value("timing", Json::object());
    trips.made.push_back(
        {.response = std::chrono::duration<double, std::milli>(answer.latency).count(),
         .path = timing.value("critical_path_ms", 0.0),
         .sum = timing.value("sum_ms", 0.0),
         .timing = timing});
  }
  std::ranges::sort(trips.made, {}, &Trip::response);
  return trips;
}

// What the calls on the critical path of a run take together.
double PathOf(const Json& run) {
  const Json path = run.value("critical_path", Json::array());
  double seconds = 0;
  for (const Json& node : run.value("nodes", Json::array())) {
    const Json name = node.value("name", "");
    if (std::ranges::find(path, name) == path.end() || !node.contains("end_seconds")) continue;
    seconds += node.value("end_seconds", 0.0) - node.value("start_seconds", 0.0);
  }
  return seconds * 1'000;
}

// The gateway keeps the last runs of the flow, and what each of them waited for. Nothing where it
// does not.
std::optional<double> PathOfFlow(Stage& stage) {
  const Answer answer = stage.AskAdmin("/api/v1/flows/booking");
  const Json flow = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!flow.is_object()) return std::nullopt;
  std::vector<double> paths;
  for (const Json& run : flow.value("kept_runs", Json::array()))
    paths.push_back(PathOf(run));
  if (paths.empty()) return std::nullopt;
  std::ranges::sort(paths);
  return paths[paths.size() / 2];
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
      "A booking waits for seven answers. Written as a DAG, in C++ or as a flow in YAML that the "
      "gateway runs itself, each call starts the moment its inputs are there; written one after "
      "the other, each waits for the one before it. The same calls, the same services, 15 bookings "
      "each way:");
  const Trips dag = Make(stage, scene, "DAG in C++", "/bookings?mode=dag&trace=1");
  const Trips flow = Make(stage, scene, "DAG in YAML", "/flow/bookings");
  const Trips sequence = Make(stage, scene, "one by one", "/bookings?mode=sequential&trace=1");
  std::vector<std::string> failures;
  for (const Trips* const trips : {&dag, &flow, &sequence})
    failures.insert(failures.end(), trips->failures.begin(), trips->failures.end());
  if (dag.made.empty() || flow.made.empty() || sequence.made.empty()) {
    scene.Require(false, fmt::format("every booking is made: {}", fmt::join(failures, ", ")));
    return;
  }
  const Trip& at_once = dag.Middle();
  const Trip& composed = flow.Middle();
  const Trip& one_by_one = sequence.Middle();
  const double flow_path = PathOfFlow(stage).value_or(0);
  scene.Line("");
  scene.Line(fmt::format("{:<14}{:>10}", "", "users wait"));
  scene.Line(fmt::format("{:<14}{:>7.0f} ms    critical path {:.0f} ms", "DAG in C++",
                         at_once.response, at_once.path));
  scene.Line(fmt::format("{:<14}{:>7.0f} ms    critical path {:.0f} ms", "DAG in YAML",
                         composed.response, flow_path));
  scene.Line(fmt::format("{:<14}{:>7.0f} ms    sum of all calls {:.0f} ms", "one by one",
                         one_by_one.response, one_by_one.sum));
  Draw(scene, at_once.timing);
  scene.Note("dag", {{"response_ms", at_once.response},
                     {"critical_path_ms", at_once.path},
                     {"sum_ms", at_once.sum}});
  scene.Note("flow", {{"response_ms", composed.response}, {"critical_path_ms", flow_path}});
  scene.Note("sequential", {{"response_ms", one_by_one.response}, {"sum_ms", one_by_one.sum}});

  scene.Require(failures.empty(), "every booking is made, all three ways");
  scene.Require(IsClose(at_once.response, at_once.path),
                fmt::format("the DAG takes little more than its critical path: {:.0f} ms, of which "
                            "{:.1f} ms are the gateway's, the service's and the network's",
                            at_once.response, at_once.response - at_once.path));
  scene.Require(flow_path > 0 && IsClose(composed.response, flow_path),
                fmt::format("and so does the flow: {:.0f} ms, {:.1f} ms of them above its path",
                            composed.response, composed.response - flow_path));
  const double gain = one_by_one.response / std::max(at_once.response, composed.response);
  scene.Require(gain >= kGainMin, fmt::format("both are {:.1f} times as fast as one by one", gain));
}

}  // namespace sluice::demo
