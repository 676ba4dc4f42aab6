// PlanOptions: a release as it is asked for: who, in which steps, and what happens on bad news.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"
#include "sluice/release/judge_options.h"

namespace sluice::release {

enum class Approval : std::uint8_t { kAuto, kManual };

// Before the step's weight, again and again under it, and when it has passed.
enum class HookMoment : std::uint8_t { kPre, kDuring, kPost };
// "pre", "during", "post".
[[nodiscard]] std::string_view NameOf(HookMoment moment);
enum class OnHookFailure : std::uint8_t { kHold, kAbort };

// Somebody who is asked and must agree: a POST that is answered with 2xx.
struct HookOptions {
  HookMoment when = HookMoment::kPre;
  std::string url;                           // http://host:port/path. Required.
  Nanos timeout = std::chrono::seconds(10);  // 10 ms .. 5 min for the whole answer.
  OnHookFailure on_failure = OnHookFailure::kHold;
  friend bool operator==(const HookOptions&, const HookOptions&) = default;
};

struct StepOptions {
  double weight_percent = 0;             // 0 .. 100, four decimals.
  Nanos bake = std::chrono::minutes(5);  // 0 .. 168 h of time under this weight.
  Approval approve = Approval::kAuto;    // kManual: somebody must approve before the next step.
  std::vector<HookOptions> hooks;        // 0 .. 8, asked in this order.
  [[nodiscard]] bool HasHooks(HookMoment when) const;
  friend bool operator==(const StepOptions&, const StepOptions&) = default;
};

enum class OnFail : std::uint8_t { kInstant, kStepwise };
enum class OnHold : std::uint8_t { kPause, kAbort, kPromote };

struct PlanOptions {
  std::string name;    // Required.
  std::string stable;  // Names of upstreams, required, different.
  std::string candidate;
  std::string version;          // Of the candidate, where its endpoints alone do not tell.
  std::string salt;             // Of the buckets; empty: the name.
  double control_percent = 10;  // 0 .. 50 of the keys: the slice of stable that it is checked by.
  std::vector<StepOptions> steps;  // 1 .. 100.
  bool allow_decrease = false;     // Weights may go down from one step to the next.
  std::int64_t min_ready = 1;      // 1 .. 10'000 endpoints of the candidate, to begin.
  Nanos ready_timeout = std::chrono::minutes(5);  // 1 s .. 24 h to have them.
  OnFail on_fail = OnFail::kInstant;
  Nanos rollback_interval = std::chrono::seconds(10);  // 1 s .. 1 h between two steps back.
  Nanos hold_timeout = std::chrono::hours(2);          // 1 s .. 720 h.
  OnHold on_hold = OnHold::kPause;
  Nanos rollback_window = std::chrono::minutes(30);  // 0 .. 720 h after completion: undo.
  JudgeOptions judge;

  friend bool operator==(const PlanOptions&, const PlanOptions&) = default;
  [[nodiscard]] std::string_view effective_salt() const {
    return salt.empty() ? std::string_view(name) : std::string_view(salt);
  }
};

// All problems: also a plan that cannot change any traffic, and weights that go down unsaid.
void Validate(const PlanOptions& options, std::string_view path, ConfigProblems& problems);

}  // namespace sluice::release
