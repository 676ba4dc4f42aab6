// Machine: the life of a release, from draft to completed or rolled back.
//
//   draft -> pending -> warming -> routing -> baking -> (next step's routing) … -> promoting
//         -> completed;  baking <-> paused;  any of them -> aborting -> rolled_back
//   pending -> failed (the preflight refuses);  any -> suspended and back
//
// It does nothing itself: commands and ticks return effects (a weight to set, transitions to write
// down, a step that begins), which the gateway carries out. Weights fall before anything is written
// and rise only after. Time that counts is exposed time: under this weight, known to all workers,
// the candidate healthy; so neither a restart nor a broken candidate bakes.
//
// Not thread-safe; belongs to the control loop.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/release/judge.h"
#include "sluice/release/plan.h"

namespace sluice::release {

enum class State : std::uint8_t {
  kDraft,
  kPending,
  kWarming,
  kRouting,
  kBaking,
  kPaused,
  kPromoting,
  kCompleted,
  kAborting,
  kRolledBack,
  kFailed,
  kSuspended,
};
inline constexpr std::size_t kStates = 12;

// "draft", …, "rolled_back", "failed", "suspended".
[[nodiscard]] std::string_view NameOf(State state);
[[nodiscard]] std::optional<State> StateOf(std::string_view name);
// Between start and end: traffic may go to the candidate because of the plan.
[[nodiscard]] bool IsLive(State state);

enum class Command : std::uint8_t { kStart, kPause, kResume, kApprove, kPromote, kAbort, kUndo };
[[nodiscard]] std::string_view NameOf(Command command);
[[nodiscard]] std::optional<Command> CommandOf(std::string_view name);

// All that survives a restart.
struct PlanState {
  State state = State::kDraft;
  State before_suspension = State::kDraft;
  std::uint64_t generation = 0;  // Grows with every transition.
  std::size_t step = 0;
  std::uint32_t candidate_buckets = 0;
  Nanos exposed{0};   // Of the step, so far.
  Nanos in_state{0};  // While running.
  std::string reason;
  std::string sentence;
  std::string fingerprint;  // Of the candidate that this run is of.
  std::vector<std::string>
      aborted;  // Fingerprints that must not start again unforced; newest last.
  bool is_approved = false;
  bool is_cleared =
      false;  // The step's `pre` hooks agreed, or it has none: its weight is in force.
  bool is_checked = false;   // Its `post` hooks agreed.
  bool is_held = false;      // Paused by the judge, not by a person.
  bool is_critical = false;  // An abort that must not take its time.
  friend bool operator==(const PlanState&, const PlanState&) = default;
};

// Whether rules, orders and weights may send anybody to the candidate.
[[nodiscard]] bool UsesCandidate(const PlanState& state);

struct Transition {
  std::uint64_t generation = 0;
  State from = State::kDraft;
  State to = State::kDraft;
  std::size_t step = 0;
  std::uint32_t candidate_buckets = 0;
  std::string actor;   // "judge", "plan", or who gave the command.
  std::string reason;  // A word.
  std::string sentence;
};

struct Effects {
  std::vector<Transition> transitions;  // To be written down, in order.
  bool weight_changed = false;          // state().candidate_buckets is to be set.
  bool step_begins = false;             // The judge's BeginStep().
  bool evidence_begins = false;         // A new judge: a new run.
};

// What the hooks said that due_hooks() asked for.
struct HookAnswer {
  HookMoment when = HookMoment::kPre;
  bool agreed = false;
  OnHookFailure on_failure = OnHookFailure::kHold;  // Of the one that did not agree.
  std::string sentence;                             // What it said.
};

// What is true in the world at a tick.
struct Surroundings {
  CandidateHealth health;
  std::size_t stable_ready = 0;
  std::string fingerprint;      // Of the candidate as configured now.
  bool is_acknowledged = true;  // Every worker knows the weight.
  bool is_distinct = true;      // The candidate has endpoints that stable has not.
  Verdict verdict;
  std::optional<HookAnswer> hooks;  // Nothing: none asked, or not answered yet.
};

// Why a command was refused. kNotNow, kStale and kLatched are conflicts (409, exit code 5).
enum class RefusedAs : std::uint8_t { kNotNow, kStale, kLatched };
struct CommandRefusal {
  RefusedAs as = RefusedAs::kNotNow;
  std::string text;
};

struct CommandOrder {
  Command command = Command::kStart;
  std::string actor;
  std::string reason;
  std::optional<std::uint64_t> if_generation;  // Refused as stale when another is in force.
  bool force = false;                          // Start in spite of an abort before.
};

class Machine {
 public:
  static constexpr std::size_t kAbortedMax = 32;

  explicit Machine(PlanOptions options) : options_(std::move(options)) {}

  // Goes on from where a former process was; what it does next, the next tick says.
  void Restore(PlanState state) { state_ = std::move(state); }

  // Carries out `order`, or says why not.
  [[nodiscard]] std::expected<Effects, CommandRefusal> Do(const CommandOrder& order,
                                                          const Surroundings& around);
  // What `passed` time, since the last tick, leads to. At most five seconds of it count.
  [[nodiscard]] Effects Tick(Nanos passed, const Surroundings& around);

  // Another plan is in force, or none: a run under way ends; one that has completed is forgotten,
  // and its candidate, too, is to be started.
  [[nodiscard]] Effects Supersede(std::string_view why);
  // Nothing moves until somebody resumes; `weight_zero`: and nothing goes to the candidate.
  enum class SuspendedWeight : std::uint8_t { kFrozen, kZero };
  [[nodiscard]] Effects Suspend(std::string_view reason, SuspendedWeight weight);

  [[nodiscard]] const PlanState& state() const { return state_; }
  [[nodiscard]] const PlanOptions& options() const { return options_; }
  // Which hooks of the step are to be asked now; `during` ones again and again.
  [[nodiscard]] std::optional<HookMoment> due_hooks() const;
  [[nodiscard]] Nanos bake_of_step() const {
    return state_.step < options_.steps.size() ? options_.steps[state_.step].bake : Nanos(0);
  }
  // For people: why nothing moves, or what comes next.
  [[nodiscard]] std::string Explain() const;

 private:
  struct Cause {
    std::string_view actor;
    std::string_view reason;
    std::string_view sentence = {};
  };
  void Enter(State to, const Cause& cause, Effects& effects);
  void SetWeight(std::uint32_t buckets, Effects& effects);
  void EnterStep(std::size_t step, const Cause& cause, Effects& effects);
  void BeginAbort(const Cause& cause, bool is_critical, Effects& effects);
  void Latch();
  void Advance(const Cause& cause, Effects& effects);
  void TickRouting(const Surroundings& around, Effects& effects);
  void TickBaking(Nanos passed, const Surroundings& around, Effects& effects);
  void TickPaused(const Surroundings& around, Effects& effects);
  void TickAborting(const Surroundings& around, Effects& effects);
  [[nodiscard]] bool FailsPreflight(const Surroundings& around, Effects& effects);
  [[nodiscard]] bool MayStep(Command command) const;
  [[nodiscard]] std::expected<Effects, CommandRefusal> Start(const CommandOrder& order,
                                                             const Surroundings& around);
  [[nodiscard]] Effects Resume(const Cause& cause);
  // True: the hooks that were to agree did; otherwise their answer, if any, has taken effect.
  [[nodiscard]] bool HooksAgree(HookMoment when, const Surroundings& around, Effects& effects);
  [[nodiscard]] const StepOptions& step() const { return options_.steps[state_.step]; }

  PlanOptions options_;
  PlanState state_;
  bool awaits_post_ = false;  // The step has passed but for its `post` hooks.
};

}  // namespace sluice::release
