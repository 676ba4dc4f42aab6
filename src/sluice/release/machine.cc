#include "sluice/release/machine.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "sluice/release/bucket.h"

namespace sluice::release {
namespace {

constexpr Nanos kTickMax = std::chrono::seconds(5);
constexpr std::string_view kPlan = "plan";
constexpr std::string_view kJudge = "judge";

constexpr std::array<std::string_view, kStates> kStateNames = {
    "draft",     "pending",   "warming",  "routing",     "baking", "paused",
    "promoting", "completed", "aborting", "rolled_back", "failed", "suspended"};
constexpr std::array<std::string_view, 7> kCommandNames = {"start",   "pause", "resume", "approve",
                                                           "promote", "abort", "undo"};

}  // namespace

std::string_view NameOf(State state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::optional<State> StateOf(std::string_view name) {
  const auto found = std::ranges::find(kStateNames, name);
  if (found == kStateNames.end()) return std::nullopt;
  return static_cast<State>(found - kStateNames.begin());
}

bool IsLive(State state) {
  switch (state) {
    case State::kDraft:
    case State::kCompleted:
    case State::kRolledBack:
    case State::kFailed:
      return false;
    default:
      return true;
  }
}

bool UsesCandidate(const PlanState& state) {
  switch (state.state) {
    case State::kRouting:
    case State::kBaking:
    case State::kPaused:
      return state.step > 0 || state.is_cleared;
    case State::kPromoting:
    case State::kCompleted:
      return true;
    case State::kAborting:
    case State::kSuspended:
      return state.candidate_buckets > 0;
    case State::kDraft:
    case State::kPending:
    case State::kWarming:
    case State::kRolledBack:
    case State::kFailed:
      break;
  }
  return false;
}

std::string_view NameOf(Command command) {
  return kCommandNames[static_cast<std::size_t>(command)];
}

std::optional<Command> CommandOf(std::string_view name) {
  const auto found = std::ranges::find(kCommandNames, name);
  if (found == kCommandNames.end()) return std::nullopt;
  return static_cast<Command>(found - kCommandNames.begin());
}

void Machine::Enter(State to, const Cause& cause, Effects& effects) {
  Transition transition{.generation = ++state_.generation,
                        .from = state_.state,
                        .to = to,
                        .step = state_.step,
                        .candidate_buckets = state_.candidate_buckets,
                        .actor = std::string(cause.actor),
                        .reason = std::string(cause.reason),
                        .sentence = std::string(cause.sentence)};
  state_.state = to;
  state_.in_state = Nanos(0);
  awaits_post_ = false;
  state_.reason = transition.reason;
  state_.sentence = transition.sentence;
  effects.transitions.push_back(std::move(transition));
}

void Machine::SetWeight(std::uint32_t buckets, Effects& effects) {
  if (state_.candidate_buckets == buckets) return;
  state_.candidate_buckets = buckets;
  effects.weight_changed = true;
}

void Machine::EnterStep(std::size_t step, const Cause& cause, Effects& effects) {
  state_.step = step;
  state_.exposed = Nanos(0);
  state_.is_approved = false;
  state_.is_held = false;
  state_.is_checked = false;
  // With hooks to be asked first, the weight of before stays until they agree.
  state_.is_cleared = !options_.steps[step].HasHooks(HookMoment::kPre);
  if (state_.is_cleared) {
    SetWeight(BucketsOfPercent(options_.steps[step].weight_percent), effects);
    effects.step_begins = true;
  }
  Enter(State::kRouting, cause, effects);
}

void Machine::Latch() {
  std::erase(state_.aborted, state_.fingerprint);
  state_.aborted.push_back(state_.fingerprint);
  if (state_.aborted.size() > kAbortedMax) state_.aborted.erase(state_.aborted.begin());
}

void Machine::BeginAbort(const Cause& cause, bool is_critical, Effects& effects) {
  state_.is_critical = is_critical;
  // At once, before anything is written down: this is the direction that may not wait.
  if (is_critical || options_.on_fail == OnFail::kInstant) SetWeight(0, effects);
  Enter(State::kAborting, cause, effects);
}

// The step has passed: the next one, or the end.
void Machine::Advance(const Cause& cause, Effects& effects) {
  if (state_.step + 1 < options_.steps.size()) {
    EnterStep(state_.step + 1, cause, effects);
    return;
  }
  SetWeight(kBuckets, effects);
  Enter(State::kPromoting, cause, effects);
}

bool Machine::FailsPreflight(const Surroundings& around, Effects& effects) {
  std::string why;
  if (around.health.endpoints == 0) {
    why = fmt::format("upstream {} has no endpoints", options_.candidate);
  } else if (!around.is_distinct) {
    why = fmt::format(
        "the endpoints of {} are all endpoints of {}: this plan cannot change any "
        "traffic",
        options_.candidate, options_.stable);
  } else if (around.stable_ready == 0) {
    why = fmt::format("upstream {} has no usable endpoint to fall back to", options_.stable);
  }
  if (why.empty()) return false;
  Enter(State::kFailed, {.actor = kPlan, .reason = "preflight", .sentence = why}, effects);
  return true;
}

std::optional<HookMoment> Machine::due_hooks() const {
  if (state_.step >= options_.steps.size()) return std::nullopt;
  if (state_.state == State::kRouting && !state_.is_cleared) return HookMoment::kPre;
  if (state_.state != State::kBaking) return std::nullopt;
  if (awaits_post_) return HookMoment::kPost;
  if (step().HasHooks(HookMoment::kDuring)) return HookMoment::kDuring;
  return std::nullopt;
}

bool Machine::HooksAgree(HookMoment when, const Surroundings& around, Effects& effects) {
  if (!step().HasHooks(when)) return true;
  if (!around.hooks || around.hooks->when != when) return false;
  const HookAnswer& answer = *around.hooks;
  if (answer.agreed) return true;
  const Cause cause{.actor = "hook", .reason = "hook", .sentence = answer.sentence};
  if (answer.on_failure == OnHookFailure::kAbort) {
    Latch();
    BeginAbort(cause, /*is_critical=*/false, effects);
  } else {
    state_.is_held = true;
    Enter(State::kPaused, cause, effects);
  }
  return false;
}

void Machine::TickRouting(const Surroundings& around, Effects& effects) {
  // Some weight is in force, this step's or that of before, and judged; whoever waits for a disk
  // does not wait with this.
  if (UsesCandidate(state_) && around.verdict.finding == Finding::kFail) {
    Latch();
    return BeginAbort(
        {.actor = kJudge, .reason = around.verdict.reason, .sentence = around.verdict.sentence},
        around.verdict.critical, effects);
  }
  if (state_.is_cleared) {
    if (!around.is_acknowledged) return;
    return Enter(State::kBaking, {.actor = kPlan, .reason = "acknowledged"}, effects);
  }
  if (!HooksAgree(HookMoment::kPre, around, effects)) return;
  state_.is_cleared = true;
  SetWeight(BucketsOfPercent(step().weight_percent), effects);
  effects.step_begins = true;
  Enter(State::kRouting, {.actor = kPlan, .reason = "hooks_agreed"}, effects);
}

void Machine::TickBaking(Nanos passed, const Surroundings& around, Effects& effects) {
  if (around.is_acknowledged && around.health.ready > 0) state_.exposed += passed;
  const Verdict& verdict = around.verdict;
  const Cause cause{.actor = kJudge, .reason = verdict.reason, .sentence = verdict.sentence};
  const bool objects = verdict.finding != Finding::kFail && around.hooks &&
                       around.hooks->when == HookMoment::kDuring &&
                       !HooksAgree(HookMoment::kDuring, around, effects);
  if (objects) return;
  switch (verdict.finding) {
    case Finding::kWait:
      return;
    case Finding::kFail:
      Latch();
      return BeginAbort(cause, verdict.critical, effects);
    case Finding::kHold:
      state_.is_held = true;
      return Enter(State::kPaused, cause, effects);
    case Finding::kPass:
      break;
  }
  // Asked with the time before this tick, perhaps; what counts is what has been baked.
  if (state_.exposed < bake_of_step()) return;
  if (!state_.is_checked) {
    awaits_post_ = true;
    if (!HooksAgree(HookMoment::kPost, around, effects)) return;
    state_.is_checked = true;
    awaits_post_ = false;
  }
  if (options_.steps[state_.step].approve == Approval::kManual && !state_.is_approved) {
    state_.is_held = false;
    return Enter(State::kPaused,
                 {.actor = kPlan, .reason = "approval", .sentence = verdict.sentence}, effects);
  }
  Advance(cause, effects);
}

void Machine::TickPaused(const Surroundings& around, Effects& effects) {
  if (around.verdict.finding == Finding::kFail) {
    Latch();
    return BeginAbort(
        {.actor = kJudge, .reason = around.verdict.reason, .sentence = around.verdict.sentence},
        around.verdict.critical, effects);
  }
  if (!state_.is_held || state_.in_state < options_.hold_timeout) return;
  const std::string sentence = state_.sentence;
  const Cause cause{.actor = kPlan, .reason = "hold_timeout", .sentence = sentence};
  if (options_.on_hold == OnHold::kAbort) {
    Latch();
    BeginAbort(cause, /*is_critical=*/false, effects);
  } else if (options_.on_hold == OnHold::kPromote) {
    Advance(cause, effects);
  }
}

void Machine::TickAborting(const Surroundings& around, Effects& effects) {
  const std::string reason = state_.reason;
  const std::string sentence = state_.sentence;
  if (state_.candidate_buckets > 0) {
    const bool is_critical = around.verdict.finding == Finding::kFail && around.verdict.critical;
    if (is_critical) {
      state_.is_critical = true;
      SetWeight(0, effects);
      Enter(State::kAborting,
            {.actor = kJudge, .reason = around.verdict.reason, .sentence = around.verdict.sentence},
            effects);
    } else if (state_.in_state >= options_.rollback_interval) {
      // One step back: the next lower weight of the plan.
      std::uint32_t lower = 0;
      for (const StepOptions& step : options_.steps) {
        const std::uint32_t buckets = BucketsOfPercent(step.weight_percent);
        if (buckets < state_.candidate_buckets) lower = std::max(lower, buckets);
      }
      SetWeight(lower, effects);
      Enter(State::kAborting, {.actor = kPlan, .reason = reason, .sentence = sentence}, effects);
    }
    return;
  }
  if (!around.is_acknowledged) return;
  Enter(State::kRolledBack, {.actor = kPlan, .reason = reason, .sentence = sentence}, effects);
}

Effects Machine::Tick(Nanos passed, const Surroundings& around) {
  Effects effects;
  passed = std::clamp(passed, Nanos(0), kTickMax);
  state_.in_state += passed;
  switch (state_.state) {
    case State::kPending:
      if (!FailsPreflight(around, effects)) {
        Enter(State::kWarming, {.actor = kPlan, .reason = "preflight_passed"}, effects);
      }
      break;
    case State::kWarming:
      if (static_cast<std::int64_t>(around.health.ready) >= options_.min_ready &&
          !around.health.breaker_open) {
        EnterStep(0, {.actor = kPlan, .reason = "ready"}, effects);
      } else if (state_.in_state >= options_.ready_timeout) {
        const std::string why =
            fmt::format("{} of {} endpoints ready", around.health.ready, options_.min_ready);
        BeginAbort({.actor = kPlan, .reason = "not_ready", .sentence = why},
                   /*is_critical=*/true, effects);
      }
      break;
    case State::kRouting:
      TickRouting(around, effects);
      break;
    case State::kBaking:
      TickBaking(passed, around, effects);
      break;
    case State::kPaused:
      TickPaused(around, effects);
      break;
    case State::kPromoting:
      if (around.is_acknowledged) {
        Enter(State::kCompleted, {.actor = kPlan, .reason = "promoted"}, effects);
      }
      break;
    case State::kAborting:
      TickAborting(around, effects);
      break;
    case State::kDraft:
    case State::kCompleted:
    case State::kRolledBack:
    case State::kFailed:
    case State::kSuspended:
      break;
  }
  return effects;
}

std::expected<Effects, CommandRefusal> Machine::Start(const CommandOrder& order,
                                                      const Surroundings& around) {
  if (IsLive(state_.state)) {
    return std::unexpected(CommandRefusal{
        .text = fmt::format("release {} is {} already", options_.name, NameOf(state_.state))});
  }
  const bool is_latched =
      std::ranges::find(state_.aborted, around.fingerprint) != state_.aborted.end();
  if (is_latched && !order.force) {
    return std::unexpected(CommandRefusal{
        .as = RefusedAs::kLatched,
        .text = fmt::format("this candidate was aborted ({}); give it another `version`, or start "
                            "it with force",
                            state_.reason)});
  }
  Effects effects;
  std::erase(state_.aborted, around.fingerprint);
  state_.fingerprint = around.fingerprint;
  state_.step = 0;
  state_.exposed = Nanos(0);
  state_.is_approved = false;
  state_.is_held = false;
  state_.is_critical = false;
  SetWeight(0, effects);
  effects.evidence_begins = true;
  Enter(State::kPending, {.actor = order.actor, .reason = "started", .sentence = order.reason},
        effects);
  return effects;
}

Effects Machine::Resume(const Cause& cause) {
  Effects effects;
  if (state_.state == State::kSuspended) {
    Enter(state_.before_suspension, cause, effects);
    return effects;
  }
  // What was held for want of samples gets its whole time once more.
  if (state_.is_held) state_.exposed = Nanos(0);
  state_.is_held = false;
  Enter(state_.is_cleared ? State::kBaking : State::kRouting, cause, effects);
  return effects;
}

bool Machine::MayStep(Command command) const {
  const State state = state_.state;
  switch (command) {
    case Command::kPause:
      return state == State::kBaking || state == State::kRouting;
    case Command::kResume:
      return state == State::kPaused || state == State::kSuspended;
    case Command::kApprove:
      return state == State::kPaused || state == State::kBaking;
    case Command::kPromote:
      return state == State::kPaused || state == State::kBaking;
    case Command::kAbort:
      // While it goes back step by step, once more takes the rest at once.
      return IsLive(state) && (state != State::kAborting || state_.candidate_buckets > 0);
    case Command::kUndo:
      return state == State::kCompleted && state_.in_state <= options_.rollback_window;
    case Command::kStart:
      return !IsLive(state);
  }
  return false;
}

std::expected<Effects, CommandRefusal> Machine::Do(const CommandOrder& order,
                                                   const Surroundings& around) {
  if (order.if_generation && *order.if_generation != state_.generation) {
    return std::unexpected(
        CommandRefusal{.as = RefusedAs::kStale,
                       .text = fmt::format("generation {} is in force, not {}", state_.generation,
                                           *order.if_generation)});
  }
  if (order.command == Command::kStart) return Start(order, around);
  if (!MayStep(order.command)) {
    return std::unexpected(
        CommandRefusal{.text = fmt::format("release {} is {}: it cannot {} now", options_.name,
                                           NameOf(state_.state), NameOf(order.command))});
  }
  Effects effects;
  const Cause cause{
      .actor = order.actor, .reason = NameOf(order.command), .sentence = order.reason};
  switch (order.command) {
    case Command::kPause:
      state_.is_held = false;
      Enter(State::kPaused, cause, effects);
      break;
    case Command::kResume:
      return Resume(cause);
    case Command::kApprove:
      state_.is_approved = true;
      if (state_.state == State::kPaused) {
        Enter(state_.is_cleared ? State::kBaking : State::kRouting, cause, effects);
      }
      break;
    case Command::kPromote:
      SetWeight(kBuckets, effects);
      Enter(State::kPromoting, cause, effects);
      break;
    case Command::kUndo:
      if (around.stable_ready == 0) {
        return std::unexpected(CommandRefusal{
            .text = fmt::format("upstream {} has no usable endpoint", options_.stable)});
      }
      [[fallthrough]];
    case Command::kAbort:
      Latch();
      BeginAbort(
          cause,
          /*is_critical=*/order.command == Command::kUndo || state_.state == State::kAborting,
          effects);
      break;
    case Command::kStart:
      break;
  }
  return effects;
}

Effects Machine::Supersede(std::string_view why) {
  Effects effects;
  if (state_.state == State::kCompleted) {
    SetWeight(0, effects);
    Enter(State::kDraft, {.actor = kPlan, .reason = "superseded", .sentence = why}, effects);
    return effects;
  }
  if (!IsLive(state_.state)) return effects;
  BeginAbort({.actor = kPlan, .reason = "superseded", .sentence = why}, /*is_critical=*/true,
             effects);
  return effects;
}

Effects Machine::Suspend(std::string_view reason, SuspendedWeight weight) {
  Effects effects;
  if (weight == SuspendedWeight::kZero) SetWeight(0, effects);
  state_.before_suspension = weight == SuspendedWeight::kZero ? State::kAborting : state_.state;
  Enter(State::kSuspended, {.actor = kPlan, .reason = reason}, effects);
  return effects;
}

std::string Machine::Explain() const {
  const std::string step = fmt::format("step {} of {}", state_.step + 1, options_.steps.size());
  const auto seconds = [](Nanos time) { return static_cast<double>(time.count()) / 1e9; };
  switch (state_.state) {
    case State::kRouting:
      return state_.is_cleared ? fmt::format("{} begins", step)
                               : fmt::format("{} waits for its hooks", step);
    case State::kBaking:
      if (awaits_post_) return fmt::format("{} has baked and waits for its hooks", step);
      return fmt::format("{} bakes: {:.0f} of {:.0f} s", step, seconds(state_.exposed),
                         seconds(bake_of_step()));
    case State::kPaused:
      return state_.is_held
                 ? fmt::format("{} is held ({}): resume, promote or abort", step, state_.reason)
             : state_.reason == "approval" ? fmt::format("{} waits for approval", step)
                                           : fmt::format("{} is paused: resume it", step);
    case State::kDraft:
      return "not started";
    case State::kCompleted:
      return fmt::format("all traffic goes to {}; undo is possible for {:.0f} s more",
                         options_.candidate,
                         std::max(0.0, seconds(options_.rollback_window - state_.in_state)));
    default:
      return fmt::format("{} ({})", NameOf(state_.state), state_.reason);
  }
}

}  // namespace sluice::release
