// The step `spike`: much more is asked than can be done, and as much as before is still done.

#include <algorithm>
#include <string>
#include <vector>

#include "demo/charts.h"
#include "demo/step.h"
#include "demo/tally.h"
#include "demo/users.h"
#include <fmt/format.h>

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;

constexpr double kUsualPerSecond = 30;
constexpr double kSpikeFactor = 5;
constexpr double kGoodputMin = 0.9;   // Of the usual bookings a second.
constexpr double kUnnamedMax = 0.02;  // Of those asked: errors that are no refusals of a rule.
constexpr double kRecoveredMin = 0.95;
constexpr Nanos kSettles = 2s;  // After the spike; what comes later must be as before.

enum SpikePhase : std::size_t { kBefore, kSpike, kAfter };

LoadPlan Plan() {
  return {
      .phases = {{.name = "as usual", .per_second = kUsualPerSecond, .length = 3s},
                 {.name = "five-fold", .per_second = kUsualPerSecond * kSpikeFactor, .length = 6s},
                 {.name = "as before", .per_second = kUsualPerSecond, .length = 4s}},
      .question = &BookingOf};
}

void TellRefusals(Scene& scene, const Tally& spike) {
  for (const auto& [reason, times] : spike.refusals)
    scene.Line(fmt::format("{:>6} ×  x-sluice-reason: {}", times, reason));
  for (const auto& [text, times] : spike.failures)
    scene.Line(fmt::format("{:>6} ×  {}", times, text));
  if (spike.refused + spike.failed > 0) scene.Line("");
}

}  // namespace

void PlaySpike(Stage& stage, Scene& scene) {
  const LoadPlan plan = Plan();
  scene.Say(fmt::format(
      "Payment can do {:.0f} a second and is asked {:.0f} times; then {:.0f} times. The gateway "
      "learns how many bookings at once do not slow one another down, and refuses the others at "
      "once instead of making everybody wait until it is too late.",
      kPaymentsPerSecond, kUsualPerSecond, kUsualPerSecond * kSpikeFactor));
  const std::vector<Sample> samples = stage.Run(plan, [&scene](std::string_view phase) {
    scene.Progress(fmt::format("bookings {}", phase));
  });
  std::vector<PhaseRow> rows;
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    const Phase& phase = plan.phases[i];
    rows.push_back(
        {fmt::format("{}, {:.0f}/s", phase.name, phase.per_second), CountPhase(samples, i)});
  }
  scene.Line("");
  for (const std::string& line : PhaseTable(rows))
    scene.Line(line);
  scene.Line("");
  const Tally& before = rows[kBefore].tally;
  const Tally& spike = rows[kSpike].tally;
  TellRefusals(scene, spike);
  scene.Note("phases", PhasesAsJson(rows));

  const double usual = before.PerSecond(before.good, plan.phases[kBefore].length);
  const double goodput = spike.PerSecond(spike.good, plan.phases[kSpike].length);
  const Tally settled = Count(samples, [](const Sample& sample) {
    return sample.phase == kAfter && sample.due >= kSettles;
  });
  const auto part = [](std::size_t some, std::size_t all) {
    return all == 0 ? 0.0 : static_cast<double>(some) / static_cast<double>(all);
  };
  scene.Require(goodput >= usual * kGoodputMin,
                fmt::format("as many are served as before, or more: {:.0f} a second in the spike, "
                            "{:.0f} before",
                            goodput, usual));
  scene.Require(spike.refused > 0 && part(spike.failed, spike.asked) <= kUnnamedMax,
                fmt::format("whoever is not served is told by which rule: {} of {}", spike.refused,
                            spike.refused + spike.failed));
  scene.Require(spike.refused_p99 < kAtOnce,
                fmt::format("and at once: p99 of the refused is {}, and not {}",
                            InMilliseconds(spike.refused_p99), InMilliseconds(kAtOnce)));
  scene.Require(spike.p99 <= kBookingDeadline,
                fmt::format("those who are served wait no longer than {}: p99 is {}",
                            InMilliseconds(kBookingDeadline), InMilliseconds(spike.p99)));
  scene.Require(
      part(settled.good, settled.asked) >= kRecoveredMin,
      fmt::format("two seconds later all are served again: {} of {}", settled.good, settled.asked));
}

}  // namespace sluice::demo
