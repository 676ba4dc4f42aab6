#include "sluice/warmup/report.h"

#include <algorithm>

namespace sluice::warmup {

std::string_view NameOf(Phase phase) {
  switch (phase) {
    case Phase::kConnect:
      return "connect";
    case Phase::kTouch:
      return "touch";
    case Phase::kPump:
      return "pump";
    case Phase::kVerify:
      return "verify";
    case Phase::kDone:
      return "done";
  }
  return "unknown";
}

std::string_view NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRunning:
      return "running";
    case Outcome::kWarm:
      return "warm";
    case Outcome::kSteadyUnreferenced:
      return "steady(unreferenced)";
    case Outcome::kNotWarmed:
      return "not_warmed";
    case Outcome::kNoCorpus:
      return "skipped(no_corpus)";
    case Outcome::kUnreachable:
      return "unreachable";
    case Outcome::kFailed:
      return "warmup_failed";
    case Outcome::kTooSlow:
      return "warm_regression";
    case Outcome::kStopped:
      return "stopped";
  }
  return "unknown";
}

double WarmupReport::progress() const {
  if (phase == Phase::kDone) return IsReady(outcome) ? 1 : 0.9;
  if (phase == Phase::kVerify) return 0.9;
  if (phase != Phase::kPump || target == 0) return 0;
  // Requests are half of it, the level the other half: one without the other is not warm.
  const double sent = static_cast<double>(requests) / static_cast<double>(target);
  const double level = verdict.level > 0 ? std::min(1.0, 1.25 / verdict.level) : 0.5;
  return 0.9 * (0.5 * std::min(sent, 1.0) + 0.5 * level) * std::min(1.0, sent * 4);
}

}  // namespace sluice::warmup
