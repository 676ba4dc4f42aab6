// The steps that break one process and look what users notice: `optional`, `fallback`, `required`,
// `frozen` and `instance`.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "demo/charts.h"
#include "demo/step.h"
#include "demo/tally.h"
#include "demo/users.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

constexpr double kBookingsPerSecond = 20;
constexpr Nanos kWell = 2s;
constexpr Nanos kBroken = 3s;
constexpr Nanos kBack = 4s;        // Breakers have closed again before its last second.
constexpr Nanos kLastSecond = 3s;  // Into the phase `kBack`.

enum TroublePhase : std::size_t { kIsWell, kIsBroken, kIsBack };

struct Trouble {
  std::string_view name;    // Of the process.
  std::string_view broken;  // "coupons is dead".
  std::string_view mended;
  std::function<void()> breaks;
  std::function<void()> mends;
};

struct Story {
  std::vector<Sample> samples;
  std::vector<PhaseRow> rows;

  [[nodiscard]] const Tally& well() const { return rows[kIsWell].tally; }
  [[nodiscard]] const Tally& broken() const { return rows[kIsBroken].tally; }
  // Of the last second, when everything has had its time to recover.
  [[nodiscard]] Tally Recovered() const {
    return Count(samples, [](const Sample& sample) {
      return sample.phase == kIsBack && sample.due >= kLastSecond;
    });
  }
  // How many of those who asked while it was broken.
  [[nodiscard]] std::size_t CountBroken(const std::function<bool(const Answer&)>& holds) const {
    return static_cast<std::size_t>(std::ranges::count_if(samples, [&holds](const Sample& sample) {
      return sample.phase == kIsBroken && holds(sample.answer);
    }));
  }
  [[nodiscard]] bool AllBroken(const std::function<bool(const Answer&)>& holds) const {
    return broken().asked > 0 && CountBroken(holds) == broken().asked;
  }
};

Story Play(Stage& stage, Scene& scene, const Trouble& trouble) {
  const LoadPlan plan{
      .phases = {{.name = "all is well", .per_second = kBookingsPerSecond, .length = kWell},
                 {.name = std::string(trouble.broken),
                  .per_second = kBookingsPerSecond,
                  .length = kBroken,
                  .start = PhaseStart::kWhenAnswered,
                  .at_begin = trouble.breaks},
                 {.name = std::string(trouble.mended),
                  .per_second = kBookingsPerSecond,
                  .length = kBack,
                  .start = PhaseStart::kWhenAnswered,
                  .at_begin = trouble.mends}},
      .question = &BookingOf};
  Story story;
  story.samples = stage.Run(plan, [&scene](std::string_view phase) {
    scene.Progress(fmt::format("{:.0f} bookings a second, {}", kBookingsPerSecond, phase));
  });
  for (std::size_t i = 0; i < plan.phases.size(); ++i)
    story.rows.push_back({plan.phases[i].name, CountPhase(story.samples, i)});
  scene.Line("");
  for (const std::string& line : PhaseTable(story.rows))
    scene.Line(line);
  scene.Line("");
  scene.Note("phases", PhasesAsJson(story.rows));
  return story;
}

Trouble Killed(Stage& stage, std::string_view name, std::string_view broken) {
  return {.name = name,
          .broken = broken,
          .mended = "it is back",
          .breaks = [&stage, name] { stage.Kill(name); },
          .mends = [&stage, name] { stage.Restart(name); }};
}

Json ParsedBody(const Answer& answer) {
  return Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
}

bool Says(const Answer& answer, const char* field, const Json& value) {
  const Json body = ParsedBody(answer);
  return body.is_object() && body.contains(field) && body[field] == value;
}

bool TimedOut(const Answer& answer) {
  return answer.status == 504;
}

// Told that payment is not asked for the moment.
bool SparedByBreaker(const Answer& answer) {
  return answer.status == 503 && Says(answer, "node", "payment") &&
         Says(answer, "kind", "rejected");
}

// What the last user of the broken phase was given: these fields of it.
void ShowOne(Scene& scene, const Story& story, std::initializer_list<const char*> fields) {
  const auto last = std::ranges::find_if(story.samples.rbegin(), story.samples.rend(),
                                         [](const Sample& s) { return s.phase == kIsBroken; });
  if (last == story.samples.rend()) return;
  const Json body = ParsedBody(last->answer);
  std::string shown;
  for (const char* field : fields) {
    if (body.is_object() && body.contains(field)) {
      shown += fmt::format(",\"{}\":{}", field, body[field].dump());
    }
  }
  scene.Line(fmt::format("One of them: {} {{…{}}}", last->answer.status, shown));
  scene.Line("");
}

// What those were told who got no booking.
void ShowErrors(Scene& scene, const Tally& tally) {
  for (const auto& [text, times] : tally.failures)
    scene.Line(fmt::format("{:>6} ×  {}", times, text));
  for (const auto& [reason, times] : tally.refusals)
    scene.Line(fmt::format("{:>6} ×  x-sluice-reason: {}", times, reason));
  if (tally.failed + tally.refused > 0) scene.Line("");
}

void RequireRecovery(Scene& scene, const Tally& recovered) {
  scene.Require(recovered.asked > 0 && recovered.good == recovered.asked && recovered.degraded == 0,
                fmt::format("three seconds after it is back everything is as before: {} of {}",
                            recovered.good - recovered.degraded, recovered.asked));
}

void RequireSpeed(Scene& scene, const Story& story) {
  // Half as much again: a percentile of some dozen bookings on a busy machine.
  scene.Require(story.broken().p50 <= story.well().p50 * 3 / 2,
                fmt::format("nobody waits for it: p50 is {}, and was {}",
                            InMilliseconds(story.broken().p50), InMilliseconds(story.well().p50)));
}

// Told that the connection to the instance ended before its answer.
bool BrokeOff(const Answer& answer) {
  return answer.status == 502 && (answer.reason == "upstream_connection_reset" ||
                                  answer.reason == "upstream_connection_closed");
}

// So late before the end of the phase `kIsWell` that its booking may have been under way then, or
// so soon after it that the gateway may not have known.
bool AskedAboutTheKill(const Sample& sample) {
  return sample.phase == kIsWell ? sample.due >= kWell - kBookingDeadline
                                 : sample.phase == kIsBroken && sample.due <= kBookingDeadline;
}

std::int64_t ChargesMade(Stage& stage) {
  const Answer answer = stage.AskService("payment", {.target = "/stats"});
  const Json body = ParsedBody(answer);
  return body.is_object() ? body.value("done", std::int64_t{-1}) : -1;
}

}  // namespace

void PlayOptional(Stage& stage, Scene& scene) {
  scene.Say(
      "Coupons make a booking cheaper; without them it is still a booking. The node is optional, "
      "so the DAG goes on without its value. Killed with SIGKILL:");
  const Story story = Play(stage, scene, Killed(stage, "coupons", "coupons is dead"));
  ShowOne(scene, story, {"needs_review", "degraded"});
  scene.Require(
      story.broken().good == story.broken().asked,
      fmt::format("every user has a booking: {} of {}", story.broken().good, story.broken().asked));
  scene.Require(story.AllBroken([](const Answer& answer) {
    return Says(answer, "degraded", Json::array({"coupons"}));
  }),
                "and each is told what was missing: \"degraded\":[\"coupons\"]");
  RequireSpeed(scene, story);
  RequireRecovery(scene, story.Recovered());
}

void PlayFallback(Stage& stage, Scene& scene) {
  scene.Say(
      "Risk scores a booking before it is paid. Nobody may skip that, but somebody else can do it: "
      "the node's fallback says that a person looks at it later. Killed with SIGKILL:");
  const Story story = Play(stage, scene, Killed(stage, "risk", "risk is dead"));
  ShowOne(scene, story, {"needs_review", "degraded"});
  scene.Require(
      story.broken().good == story.broken().asked,
      fmt::format("every user has a booking: {} of {}", story.broken().good, story.broken().asked));
  scene.Require(
      story.AllBroken([](const Answer& answer) { return Says(answer, "needs_review", true); }),
      "and each is marked for a person to look at: \"needs_review\":true");
  RequireSpeed(scene, story);
  RequireRecovery(scene, story.Recovered());
}

void PlayRequired(Stage& stage, Scene& scene) {
  scene.Say(
      "Without a room there is no booking. What users must not get is a long wait, a riddle, or a "
      "charge for nothing. Killed with SIGKILL:");
  const std::int64_t charges_before = ChargesMade(stage);
  const Story story = Play(stage, scene, Killed(stage, "inventory", "inventory is dead"));
  const std::int64_t charges = ChargesMade(stage) - charges_before;
  const Answer search = stage.Ask(SearchOf(0));
  ShowErrors(scene, story.broken());
  std::int64_t bookings = 0;
  for (const PhaseRow& row : story.rows)
    bookings += static_cast<std::int64_t>(row.tally.good);

  const Tally& broken = story.broken();
  scene.Require(
      broken.good == 0 && broken.failed == broken.asked,
      fmt::format("nobody is given a booking without a room: {} of {} are told that there "
                  "is none",
                  broken.failed, broken.asked));
  scene.Require(
      story.AllBroken([](const Answer& answer) { return Says(answer, "node", "inventory"); }),
      "and what is missing, in words: \"node\":\"inventory\"");
  scene.Require(broken.slowest <= kBookingDeadline,
                fmt::format("within the deadline of {}: the slowest took {}",
                            InMilliseconds(kBookingDeadline), InMilliseconds(broken.slowest)));
  scene.Require(charges == bookings,
                fmt::format("nobody pays for nothing: {} bookings, {} charges", bookings, charges));
  scene.Require(IsGood(search), "searches go on: other pages do not need it");
  RequireRecovery(scene, story.Recovered());
}

void PlayFrozen(Stage& stage, Scene& scene) {
  scene.Say(
      "The worst failure is one that keeps its connections open. Payment gets SIGSTOP: whoever "
      "asks "
      "waits. Each call has a timeout, the booking a deadline, and after five failures in a row a "
      "circuit breaker does not ask any more:");
  const Trouble trouble{.name = "payment",
                        .broken = "payment is frozen",
                        .mended = "it goes on",
                        .breaks = [&stage] { stage.Freeze("payment"); },
                        .mends = [&stage] { stage.Thaw("payment"); }};
  const Story story = Play(stage, scene, trouble);
  ShowErrors(scene, story.broken());
  const Tally& broken = story.broken();
  scene.Require(broken.slowest <= kBookingDeadline,
                fmt::format("nobody waits longer than the deadline of {}: the slowest took {}",
                            InMilliseconds(kBookingDeadline), InMilliseconds(broken.slowest)));
  // Bookings that wait for payment fill the gateway's limit, which may turn some away.
  scene.Require(story.AllBroken([](const Answer& answer) {
    return !IsGood(answer) && (IsRefused(answer) || Says(answer, "node", "payment"));
  }),
                "everybody is told what it is: \"node\":\"payment\", or the rule that refused");
  const std::size_t timed_out = story.CountBroken(&TimedOut);
  const std::size_t unknown = story.CountBroken(
      [](const Answer& answer) { return TimedOut(answer) && Says(answer, "charged", "unknown"); });
  scene.Require(timed_out > 0 && unknown == timed_out,
                fmt::format("and who cannot know whether money moved is told so: {} of {}, "
                            "\"charged\":\"unknown\"",
                            unknown, timed_out));
  // The breaker's own: the gateway's refusals are no less quick, and say nothing of it.
  const std::size_t spared = story.CountBroken(&SparedByBreaker);
  const std::size_t at_once = story.CountBroken(
      [](const Answer& answer) { return SparedByBreaker(answer) && answer.latency < kAtOnce; });
  scene.Require(at_once > 0 && at_once * 10 >= spared * 9,  // A busy machine may be late.
                fmt::format("with the breaker open nobody waits at all: {} of {} were told at once",
                            at_once, spared));
  RequireRecovery(scene, story.Recovered());
}

void PlayInstance(Stage& stage, Scene& scene) {
  constexpr double kPerSecond = 40;
  constexpr std::size_t kLostMax = 10;
  scene.Say(
      "Searches and bookings in turn, 40 a second, and instance a dies of SIGKILL. What only reads "
      "is tried again at b. A booking that is under way inside a dying process may have been paid, "
      "so it is not sent twice: those few are told.");
  LoadPlan plan{.phases = {{.name = "two instances", .per_second = kPerSecond, .length = kWell},
                           {.name = "a is dead",
                            .per_second = kPerSecond,
                            .length = kBroken,
                            .at_begin = [&stage] { stage.Kill("a"); }},
                           {.name = "a is back",
                            .per_second = kPerSecond,
                            .length = kBack,
                            .at_begin = [&stage] { stage.Restart("a"); }}},
                .question = [](std::size_t number) {
                  return number % 2 == 0 ? SearchOf(number) : BookingOf(number);
                }};
  const std::vector<Sample> samples = stage.Run(plan, [&scene](std::string_view phase) {
    scene.Progress(fmt::format("searches and bookings, {}", phase));
  });
  const auto is_search = [&samples](const Sample& sample) {
    return (&sample - samples.data()) % 2 == 0;
  };
  std::vector<PhaseRow> rows;
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    rows.push_back({"searches, " + plan.phases[i].name, Count(samples, [&](const Sample& sample) {
                      return sample.phase == i && is_search(sample);
                    })});
  }
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    rows.push_back({"bookings, " + plan.phases[i].name, Count(samples, [&](const Sample& sample) {
                      return sample.phase == i && !is_search(sample);
                    })});
  }
  scene.Line("");
  for (const std::string& line : PhaseTable(rows))
    scene.Line(line);
  scene.Line("");
  scene.Note("phases", PhasesAsJson(rows));

  const Tally searches = Count(samples, is_search);
  const Tally bookings = Count(samples, [&](const Sample& sample) { return !is_search(sample); });
  const bool is_back = std::ranges::any_of(samples, [](const Sample& sample) {
    return sample.phase == kIsBack && sample.answer.instance == "a";
  });
  scene.Require(searches.good == searches.asked && searches.degraded == 0,
                fmt::format("no search failed: {} of {}", searches.good, searches.asked));
  const std::size_t lost = bookings.asked - bookings.good;
  // Anything else that is no booking would be another reason, or another time.
  const auto broken_off =
      static_cast<std::size_t>(std::ranges::count_if(samples, [&](const Sample& sample) {
        return !is_search(sample) && BrokeOff(sample.answer) && AskedAboutTheKill(sample);
      }));
  scene.Require(lost <= kLostMax && broken_off == lost,
                fmt::format("of {} bookings only those under way in a could fail: {}, of which {} "
                            "were told that it broke off",
                            bookings.asked, lost, broken_off));
  scene.Require(is_back, "a takes its part again, without anybody telling the gateway");
}

}  // namespace sluice::demo
