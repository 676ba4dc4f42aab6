// WarmupReport: what became of a warm-up, and what it is known by. Plain values.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/warmup/corpus.h"
#include "sluice/warmup/warmness.h"

namespace sluice::warmup {

enum class Phase : std::uint8_t { kConnect, kTouch, kPump, kVerify, kDone };
[[nodiscard]] std::string_view NameOf(Phase phase);

enum class Outcome : std::uint8_t {
  kRunning,
  kWarm,                // As fast as recorded, and so at the expected rate.
  kSteadyUnreferenced,  // Steady; nothing recorded tells whether that is fast.
  kNotWarmed,           // Less than half of the recorded traffic could be replayed, or nothing.
  kNoCorpus,            // There is no recording, or nothing in it.
  kUnreachable,         // It never accepted a connection.
  kFailed,              // It answers with errors, where it was recorded without.
  kTooSlow,             // It answers, and slower than recorded: a regression, perhaps.
  kStopped,
};
// "warm", "steady(unreferenced)", "not_warmed", "skipped(no_corpus)", "unreachable",
// "warmup_failed", "warm_regression", "stopped", "running".
[[nodiscard]] std::string_view NameOf(Outcome outcome);
// Users may come: warm, or as warm as anybody can tell.
[[nodiscard]] inline bool IsReady(Outcome outcome) {
  return outcome == Outcome::kWarm || outcome == Outcome::kSteadyUnreferenced;
}

struct ClassReport {
  std::string label;
  double share = 0;
  std::uint64_t sent = 0;
  std::uint64_t worse = 0;  // Answered worse than recorded, or not at all.
  bool is_refused = false;  // It wants credentials that there are none of.
  Nanos recorded_p50{0};
  Nanos first{0};  // How long the first one took; 0: it failed.
};

struct VerifyReport {
  double rate_per_second = 0;
  std::uint64_t answered = 0;
  std::uint64_t slow = 0;  // Above 1.5 times the recorded p99, from when they were due.
  std::uint64_t worse = 0;
  Nanos p50{0};
  Nanos p99{0};
  bool is_passed = false;
};

struct WarmupReport {
  Outcome outcome = Outcome::kRunning;
  Phase phase = Phase::kConnect;
  std::string reason;  // For people: why it is not warm, the last error.
  Nanos took{0};
  std::uint64_t requests = 0;
  std::uint64_t target = 0;  // Requests before it may be called warm.
  std::uint64_t transport_errors = 0;
  std::size_t concurrency = 0;
  std::uint64_t verifications = 0;
  std::uint64_t restarts = 0;  // The process became another one meanwhile.
  bool is_stalled = false;     // More than twice as slow as recorded, and no better for 30 s.
  std::string boot_id;
  double first_level = 0;  // How slow it was at first, over the recorded median.
  Verdict verdict;
  VerifyReport verify;
  Coverage coverage;
  std::vector<ClassReport> classes;
  std::size_t classes_short = 0;  // Replayable classes that did not get their minimum.

  // 0 .. 1, for people.
  [[nodiscard]] double progress() const;
};

}  // namespace sluice::warmup
