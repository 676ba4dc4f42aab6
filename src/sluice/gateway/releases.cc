#include "sluice/gateway/releases.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sluice/release/digest.h"

namespace sluice::gateway {
namespace {

constexpr Bytes kJournalBytesMax = 8 * kMiB;
constexpr Nanos kLatencyInterval = std::chrono::minutes(1);
constexpr std::size_t kLatencyMinutes = 10;
constexpr std::uint64_t kLatencySamplesMin = 100;
constexpr std::size_t kUnwrittenMax = 100;
constexpr std::string_view kNotConfigured = "the release is not configured any more";

// While it is so, the judge looks.
bool IsJudged(const release::PlanState& state) {
  switch (state.state) {
    case release::State::kRouting:
    case release::State::kBaking:
    case release::State::kPaused:
      return true;
    case release::State::kAborting:  // Step by step: what is left can do harm.
      return state.candidate_buckets > 0;
    default:
      return false;
  }
}

// What became since; counters never fall.
release::Tick Difference(const release::Tick& now, const release::Tick& before) {
  release::Tick tick = now;
  for (std::size_t i = 0; i < release::kArms; ++i) {
    release::ArmTick& arm = tick.arms[i];
    const release::ArmTick& old = before.arms[i];
    arm.requests -= old.requests;
    arm.failures -= old.failures;
    arm.slow -= old.slow;
    arm.keys -= old.keys;
    for (std::size_t k = 0; k < release::kChannelsMax; ++k)
      arm.events[k] -= old.events[k];
  }
  return tick;
}

std::size_t ReadyIn(const UpstreamPlan& plan, SteadyTime now) {
  const auto list = plan.upstream->Endpoints();
  return static_cast<std::size_t>(std::ranges::count_if(list->members, [&](const auto& member) {
    return list->GateWeight(*member.endpoint, now) > 0;
  }));
}

// The shortest duration that `percent` of the answers do not exceed.
std::int64_t QuantileOf(const LatencyParts& parts, std::uint64_t total, double percent) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kLatencyParts; ++i) {
    below += parts[i];
    if (static_cast<double>(below) * 100 >= percent * static_cast<double>(total)) {
      return LatencyPartEnd(i).count();
    }
  }
  return ReleaseRoute::kNoThreshold;
}

// Events of the metric `name`, or failures where none has that name.
std::uint64_t EventsOf(const release::ArmTick& arm,
                       const release::JudgeOptions& judge,
                       std::string_view name) {
  std::size_t channel = 0;
  for (const release::MetricOptions& metric : judge.metrics) {
    if (metric.name == name) {
      std::uint64_t events = 0;
      for (std::size_t k = 0; k < metric.channels(); ++k)
        events += arm.events[channel + k];
      return events;
    }
    channel += metric.channels();
  }
  return arm.failures;
}

// Of several routes the one with most events of the candidate beyond what stable's rate explains.
std::string WorstRoute(const ReleaseEntry& entry, std::string_view metric) {
  std::string worst;
  double most = 0;
  std::size_t routes = 0;
  entry.state->ForEachRoute([&](const ReleaseRoute& route) {
    ++routes;
    const release::Tick tick = route.Totals();
    const release::ArmTick& mine = tick.of(release::Arm::kCandidate);
    const release::ArmTick theirs = tick.baseline();
    const release::JudgeOptions& judge = entry.machine.options().judge;
    const double expected = theirs.requests == 0
                                ? 0
                                : static_cast<double>(mine.requests) *
                                      static_cast<double>(EventsOf(theirs, judge, metric)) /
                                      static_cast<double>(theirs.requests);
    const double excess = static_cast<double>(EventsOf(mine, judge, metric)) - expected;
    if (excess <= most) return;
    most = excess;
    worst = route.route;
  });
  return routes > 1 ? worst : std::string();
}

std::vector<release::OutsideEvidence> OutsideOf(const ReleaseEntry& entry) {
  std::vector<release::OutsideEvidence> said;
  for (const auto& [source, evidence] : entry.kept.outside)
    said.push_back(evidence);
  return said;
}

// The candidate has an endpoint that stable has not; before its names are known, it may have.
bool IsDistinct(const UpstreamPlan& stable, const UpstreamPlan& candidate) {
  const auto theirs = stable.upstream->Endpoints();
  const auto mine = candidate.upstream->Endpoints();
  return mine->members.empty() || std::ranges::any_of(mine->members, [&](const auto& member) {
           return std::ranges::none_of(theirs->members, [&](const auto& other) {
             return other.endpoint->address() == member.endpoint->address();
           });
         });
}

}  // namespace

Releases::Releases(Loop& control,
                   OpenStore open_store,
                   EventFeed& feed,
                   std::function<void(std::string_view line)> log)
    : control_(control),
      open_store_(std::move(open_store)),
      feed_(feed),
      log_(std::move(log)),
      timer_(&Fire, this),
      hooks_(control) {}

Result<void> Releases::Prepare(const config::Config& config) {
  if (config.releases.empty() || journal_ != nullptr || !open_store_) return {};
  Result<std::unique_ptr<FileStore>> store = open_store_(config.data_dir + "/state");
  if (!store) {
    return Fail(store.error().code, fmt::format("data_dir: what releases must remember cannot be "
                                                "kept there: {}",
                                                store.error().detail));
  }
  Result<state::DurableLog::Opened> opened = state::DurableLog::Open(**store, "releases");
  if (!opened) return std::unexpected(opened.error());
  store_ = std::move(*store);
  journal_ = std::move(opened->log);
  state::Recovered& recovered = opened->recovered;
  health_ = recovered.health;
  if (!recovered.snapshot.empty() && !ReadSnapshot(recovered.snapshot, dormant_)) {
    health_ = state::Health::kDamaged;
  }
  for (const std::string& record : recovered.records) {
    if (!ReadRecord(record, dormant_)) health_ = state::Health::kDamaged;
  }
  if (health_ != state::Health::kClean) {
    log_(fmt::format("state_recovered store=releases health={} detail=\"{}\"",
                     state::NameOf(health_), recovered.detail));
  }
  if (health_ == state::Health::kDamaged) SuspendAll();
  was_just_read_ = true;
  return {};
}

// What was promised may be lost: nothing goes to a candidate until somebody has looked. Written
// down as a new beginning, so that the damage is told once and not at each start.
void Releases::SuspendAll() {
  for (auto& [name, kept] : dormant_) {
    if (!release::IsLive(kept.state.state)) continue;
    kept.state.state = release::State::kSuspended;
    kept.state.before_suspension = release::State::kAborting;
    kept.state.candidate_buckets = 0;
    kept.state.reason = "state_damaged";
    kept.state.sentence = "what was kept of it could not be read whole";
    ++kept.state.generation;
    log_(fmt::format("release_suspended name={} reason=state_damaged", name));
  }
  const Result<void> begun = journal_->Compact(SnapshotOf(dormant_));
  if (!begun) log_(fmt::format("release_snapshot_failed error=\"{}\"", begun.error().detail));
}

void Releases::SuspendUnknown(const std::string& name, ReleaseEntry& entry) {
  CarryOut(name, entry,
           entry.machine.Suspend("state_damaged", release::Machine::SuspendedWeight::kZero));
}

const ReleasePlan* Releases::PlanOf(const ReleaseEntry& entry) const {
  return entry.index == kNoRelease ? nullptr : &snapshot_->releases[entry.index];
}

void Releases::ApplyWeight(ReleaseEntry& entry, bool may_rise) const {
  const release::PlanState& state = entry.machine.state();
  const ReleasePlan* const plan = PlanOf(entry);
  const ReleaseState::Split before = entry.state->split();
  bool is_live = plan != nullptr && release::UsesCandidate(state);
  std::uint32_t candidate = is_live ? state.candidate_buckets : 0;
  if (!may_rise) {
    is_live = is_live && before.is_live;
    candidate = is_live ? std::min(candidate, before.shares.candidate) : 0;
  }
  const double control = plan == nullptr ? 0 : plan->config->plan.control_percent;
  entry.state->SetSplit(
      {.is_live = is_live,
       .shares = {.candidate = candidate, .control = release::BucketsOfPercent(control)}});
}

// What a former process, or an earlier configuration, knew of this release.
void Releases::Restore(const std::string& name, ReleaseEntry& entry, const ReleasePlan& plan) {
  const auto known = dormant_.find(name);
  if (known == dormant_.end()) {
    if (was_just_read_ && health_ == state::Health::kDamaged) {
      entry.kept.run = plan.run;  // Or it would seem to be of another plan.
      SuspendUnknown(name, entry);
    }
    return;
  }
  entry.kept = std::move(known->second);
  dormant_.erase(known);
  entry.machine.Restore(entry.kept.state);
  const release::State was = entry.kept.state.state;
  if (release::IsLive(was) && !entry.kept.evidence.empty()) {
    Result<release::Judge> judge = release::Judge::Create(plan.config->plan.judge);
    if (judge && judge->Restore(entry.kept.evidence)) {
      for (const KeptRelease::KeptTick& kept : entry.kept.ticks) {
        if (kept.is_settling) continue;
        judge->Add(kept.tick, kept.share);
      }
      judge->GoOn();
      entry.judge = std::move(*judge);
    }
  }
  entry.kept.ticks.clear();
  for (const auto& [route, thresholds] : entry.kept.thresholds) {
    ReleaseRoute& counts = entry.state->Route(route);
    for (std::size_t k = 0; k < std::min(thresholds.size(), release::kChannelsMax); ++k)
      counts.thresholds_nanos[k].store(thresholds[k], std::memory_order_relaxed);
  }
  if (release::IsLive(was)) {
    log_(fmt::format("release_resumed name={} state={} weight_percent={}", name,
                     release::NameOf(was), entry.kept.state.candidate_buckets / 10'000.0));
  }
}

// Another plan under the same name: a run that is under way ends. One that has completed has done
// so for its own candidate; another one begins with nobody.
void Releases::Adopt(const std::string& name, ReleaseEntry& entry, const ReleasePlan& plan) {
  const release::PlanState& now = entry.machine.state();
  const bool is_other = now.state == release::State::kCompleted
                            ? now.fingerprint != plan.fingerprint ||
                                  entry.machine.options().candidate != plan.config->plan.candidate
                            : entry.kept.run != plan.run;
  if (is_other) {
    CarryOut(name, entry, entry.machine.Supersede("the release's configuration has changed"));
  }
  release::PlanState state = entry.machine.state();
  entry.machine = release::Machine(plan.config->plan);
  entry.machine.Restore(std::move(state));
}

void Releases::Follow(std::shared_ptr<const Snapshot> snapshot) {
  // Those that are gone end by the old snapshot.
  for (auto& [name, entry] : entries_) {
    const bool stays = std::ranges::any_of(snapshot->releases, [&name](const ReleasePlan& plan) {
      return plan.config->plan.name == name;
    });
    if (stays || entry->index == kNoRelease) continue;
    CarryOut(name, *entry, entry->machine.Supersede(kNotConfigured));
    entry->index = kNoRelease;
    ApplyWeight(*entry, /*may_rise=*/false);
  }
  snapshot_ = std::move(snapshot);
  for (std::size_t i = 0; i < snapshot_->releases.size(); ++i) {
    const ReleasePlan& plan = snapshot_->releases[i];
    const std::string& name = plan.config->plan.name;
    std::unique_ptr<ReleaseEntry>& entry = entries_[name];
    const bool is_new = entry == nullptr;
    if (is_new) entry = std::make_unique<ReleaseEntry>(plan.config->plan);
    entry->state = plan.state;
    entry->index = i;
    if (is_new) {
      entry->seen = entry->state->Totals();
      Restore(name, *entry, plan);
    }
    Adopt(name, *entry, plan);
    ApplyWeight(*entry, entry->unwritten.empty());
  }
  if (std::exchange(was_just_read_, false)) EndUnnamed();
}

// Taken out of the configuration while no process ran: as if it had been by a reload.
void Releases::EndUnnamed() {
  for (auto& [name, kept] : dormant_) {
    release::Machine machine{release::PlanOptions{}};
    machine.Restore(kept.state);
    const release::Effects effects = machine.Supersede(kNotConfigured);
    kept.state = machine.state();
    for (const release::Transition& transition : effects.transitions) {
      PastTransition past{.transition = transition, .at = control_.wall_now()};
      const Result<void> written =
          journal_->Append(TransitionRecord(name, kept, past), Durability::kSynced);
      log_(fmt::format("release_{} name={} reason={} why=\"{}\" written={}",
                       release::NameOf(transition.to), name, transition.reason, transition.sentence,
                       written.has_value()));
      kept.Remember(std::move(past));
    }
  }
}

void Releases::Start() {
  looked_at_ = control_.now();
  control_.Arm(timer_, control_.now() + kInterval);
}

void Releases::Stop() {
  if (timer_.armed()) control_.Disarm(timer_);
  hooks_.RequestStop();
}

Task<void> Releases::Stopped() {
  co_await hooks_.Stopped();
}

void Releases::Fire(Timer& timer, SteadyTime now) {
  auto* releases = static_cast<Releases*>(timer.owner);
  releases->Look(now);
  releases->control_.Arm(timer, now + kInterval);
}

void Releases::Look(SteadyTime now) {
  for (auto& [name, entry] : entries_) {
    if (entry->index == kNoRelease) continue;
    NoteLatencies(*entry, now);
    Move(name, *entry, now);
  }
  looked_at_ = now;
  CompactIfLarge();
}

release::Surroundings Releases::SurroundingsOf(const ReleaseEntry& entry) const {
  const ReleasePlan& plan = *PlanOf(entry);
  const SteadyTime now = control_.now();
  const UpstreamPlan& candidate = snapshot_->upstreams[plan.candidate];
  release::Surroundings around{.fingerprint = plan.fingerprint,
                               .is_acknowledged = entry.unwritten.empty(),
                               .verdict = entry.verdict};
  around.health.endpoints = candidate.upstream->Endpoints()->members.size();
  around.health.ready = ReadyIn(candidate, now);
  around.stable_ready = ReadyIn(snapshot_->upstreams[plan.stable], now);
  around.is_distinct = !plan.config->plan.version.empty() ||
                       IsDistinct(snapshot_->upstreams[plan.stable], candidate);
  if (candidate.breaker.guard != nullptr) {
    const breaker::State state = candidate.breaker.guard->Snapshot(now).state;
    around.health.breaker_open =
        state == breaker::State::kOpen || state == breaker::State::kForcedOpen;
  }
  return around;
}

void Releases::Move(const std::string& name, ReleaseEntry& entry, SteadyTime now) {
  // What was in force while these requests came; what the disk refused is not.
  const std::uint32_t buckets = entry.state->split().shares.candidate;
  if (CatchUp(entry)) ApplyWeight(entry, /*may_rise=*/true);
  const release::Tick totals = entry.state->Totals();
  const release::Tick tick = Difference(totals, entry.seen);
  entry.seen = totals;
  const release::PlanState& state = entry.machine.state();
  release::Surroundings around = SurroundingsOf(entry);
  const bool is_judged = IsJudged(state) && entry.judge;
  KeptRelease::KeptTick kept{
      .tick = tick, .share = static_cast<double>(buckets) / static_cast<double>(release::kBuckets)};
  if (is_judged) {
    const bool settles = state.step == 0 && state.exposed < entry.machine.options().judge.settle;
    kept.is_settling = settles || std::exchange(entry.skips_tick, false);
    if (kept.is_settling) {
      entry.judge->AddSettling(tick);
    } else {
      entry.judge->Add(tick, kept.share);
    }
    const Nanos passed = now - looked_at_;
    entry.verdict = entry.judge->Decide(
        {.exposed = state.exposed + passed, .bake = entry.machine.bake_of_step()}, around.health,
        OutsideOf(entry));
    if (entry.verdict.finding == release::Finding::kFail) {
      const std::string worst = WorstRoute(entry, entry.verdict.reason);
      if (!worst.empty()) entry.verdict.sentence += fmt::format("; most on route {}", worst);
    }
    around.verdict = entry.verdict;
  }
  around.hooks = hooks_.Follow(entry.machine);
  const release::Effects effects = entry.machine.Tick(now - looked_at_, around);
  // The seconds between two transitions, so that a restart knows them; what a transition writes
  // holds them already.
  if (is_judged && effects.transitions.empty()) {
    entry.kept.state = entry.machine.state();
    if (journal_ != nullptr && entry.unwritten.empty()) {
      const Result<void> written =
          journal_->Append(TickRecord(name, entry.kept.state, kept), Durability::kWritten);
      static_cast<void>(written);  // A second's evidence less; the next transition has it again.
    }
  }
  CarryOut(name, entry, effects);
}

void Releases::BeginStep(ReleaseEntry& entry) {
  entry.state->filter().BeginEpoch();
  entry.skips_tick = true;
  if (entry.judge && PlanOf(entry) != nullptr) {
    entry.judge->BeginStep(SurroundingsOf(entry).health);
  }
  FreezeThresholds(entry);
}

void Releases::CarryOut(const std::string& name,
                        ReleaseEntry& entry,
                        const release::Effects& effects) {
  if (effects.evidence_begins) {
    Result<release::Judge> judge = release::Judge::Create(entry.machine.options().judge);
    if (judge) entry.judge = std::move(*judge);
    entry.verdict = {};
    entry.kept.outside.clear();
  }
  if (effects.step_begins) BeginStep(entry);
  if (effects.transitions.empty()) return;
  ApplyWeight(entry, /*may_rise=*/false);
  entry.kept.state = entry.machine.state();
  if (const ReleasePlan* plan = PlanOf(entry); plan != nullptr && effects.evidence_begins) {
    entry.kept.run = plan->run;
  }
  if (entry.judge) entry.kept.evidence = entry.judge->Save();
  for (const release::Transition& transition : effects.transitions) {
    PastTransition past{.transition = transition, .at = control_.wall_now()};
    if (!entry.kept.evidence.empty()) {
      past.evidence_digest = release::Hex(release::Sha256(entry.kept.evidence));
    }
    Write(name, entry, TransitionRecord(name, entry.kept, past));
    feed_.Add("release", TransitionJson(name, past));
    log_(
        fmt::format("release_{} name={} from={} step={} weight_percent={} actor={} reason={} "
                    "why=\"{}\"",
                    release::NameOf(transition.to), name, release::NameOf(transition.from),
                    transition.step + 1, transition.candidate_buckets / 10'000.0, transition.actor,
                    transition.reason, transition.sentence));
    entry.kept.Remember(std::move(past));
  }
  ApplyWeight(entry, entry.unwritten.empty());
}

void Releases::Write(const std::string& name, ReleaseEntry& entry, std::string record) {
  if (journal_ == nullptr) return;
  if (entry.unwritten.empty()) {
    const Result<void> written = journal_->Append(record, Durability::kSynced);
    if (written) return;
    log_(fmt::format("release_not_written name={} error=\"{}\"", name, written.error().detail));
  }
  entry.unwritten.push_back(std::move(record));
  if (entry.unwritten.size() > kUnwrittenMax) entry.unwritten.pop_front();
}

// True: what had waited is written now, so that the weight may rise.
bool Releases::CatchUp(ReleaseEntry& entry) {
  if (entry.unwritten.empty()) return false;
  while (!entry.unwritten.empty()) {
    if (!journal_->Append(entry.unwritten.front(), Durability::kSynced)) return false;
    entry.unwritten.pop_front();
  }
  return true;
}

void Releases::CompactIfLarge() {
  if (journal_ == nullptr || journal_->log_bytes() < kJournalBytesMax) return;
  KeptReleases all = dormant_;
  for (auto& [name, entry] : entries_) {
    if (!entry->unwritten.empty()) return;
    if (entry->judge) entry->kept.evidence = entry->judge->Save();
    entry->kept.state = entry->machine.state();
    all[name] = entry->kept;
  }
  const Result<void> compacted = journal_->Compact(SnapshotOf(all));
  if (!compacted) {
    log_(fmt::format("release_snapshot_failed error=\"{}\"", compacted.error().detail));
  }
}

void Releases::NoteLatencies(ReleaseEntry& entry, SteadyTime now) {
  if (now - entry.latency_at < kLatencyInterval && entry.latency_at != SteadyTime{}) return;
  entry.latency_at = now;
  entry.state->ForEachRoute([&entry](const ReleaseRoute& route) {
    std::deque<LatencyParts>& minutes = entry.latencies[route.route];
    minutes.push_back(route.StableLatency());
    if (minutes.size() > kLatencyMinutes) minutes.pop_front();
  });
}

// What is slow is decided before the step's first answer, so that the test stays one.
void Releases::FreezeThresholds(ReleaseEntry& entry) {
  entry.kept.thresholds.clear();
  const std::vector<release::MetricOptions>& metrics = entry.machine.options().judge.metrics;
  entry.state->ForEachRoute([&](ReleaseRoute& route) {
    LatencyParts parts = route.StableLatency();
    const std::deque<LatencyParts>& minutes = entry.latencies[route.route];
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < kLatencyParts; ++i) {
      if (!minutes.empty()) parts[i] -= minutes.front()[i];
      total += parts[i];
    }
    std::vector<std::int64_t>& kept = entry.kept.thresholds[route.route];
    for (const release::MetricOptions& metric : metrics) {
      for (std::size_t k = 0; k < metric.channels(); ++k) {
        const bool is_known = metric.is_latency() && total >= kLatencySamplesMin;
        kept.push_back(is_known ? QuantileOf(parts, total, metric.quantiles[k])
                                : ReleaseRoute::kNoThreshold);
      }
    }
    for (std::size_t k = 0; k < kept.size(); ++k)
      route.thresholds_nanos[k].store(kept[k], std::memory_order_relaxed);
  });
}

std::optional<std::expected<void, release::CommandRefusal>> Releases::Do(
    const std::string& name, const release::CommandOrder& order) {
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second->index == kNoRelease) return std::nullopt;
  ReleaseEntry& entry = *found->second;
  const std::expected<release::Effects, release::CommandRefusal> done =
      entry.machine.Do(order, SurroundingsOf(entry));
  if (!done) {
    log_(fmt::format("release_order_refused name={} order={} actor={} why=\"{}\"", name,
                     release::NameOf(order.command), order.actor, done.error().text));
    return std::unexpected(done.error());
  }
  CarryOut(name, entry, *done);
  return std::expected<void, release::CommandRefusal>();
}

std::optional<std::expected<void, release::CommandRefusal>> Releases::Tell(
    const std::string& name, release::OutsideEvidence evidence) {
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second->index == kNoRelease) return std::nullopt;
  ReleaseEntry& entry = *found->second;
  const release::PlanState& state = entry.machine.state();
  if (!IsJudged(state)) {
    return std::unexpected(
        release::CommandRefusal{.text = fmt::format("release {} is {}: nothing is judged now", name,
                                                    release::NameOf(state.state))});
  }
  constexpr std::size_t kSourcesMax = 16;
  KeptRelease::Outside& outside = entry.kept.outside;
  if (!outside.contains(evidence.source) && outside.size() >= kSourcesMax) {
    return std::unexpected(release::CommandRefusal{
        .text = fmt::format("release {} has heard {} sources already", name, kSourcesMax)});
  }
  log_(fmt::format("release_evidence name={} source={} verdict={} why=\"{}\"", name,
                   evidence.source, release::NameOf(evidence.verdict), evidence.reason));
  std::string source = evidence.source;
  outside[std::move(source)] = std::move(evidence);
  Write(name, entry, OutsideRecord(name, entry.kept));
  return std::expected<void, release::CommandRefusal>();
}

}  // namespace sluice::gateway
