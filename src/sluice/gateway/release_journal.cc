#include "sluice/gateway/release_journal.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace sluice::gateway {
namespace {

using Json = nlohmann::json;

constexpr auto kReplace = Json::error_handler_t::replace;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, kReplace);
}

Json StateJson(const release::PlanState& state) {
  return {{"state", release::NameOf(state.state)},
          {"before", release::NameOf(state.before_suspension)},
          {"generation", state.generation},
          {"step", state.step},
          {"buckets", state.candidate_buckets},
          {"exposed", state.exposed.count()},
          {"in_state", state.in_state.count()},
          {"reason", state.reason},
          {"sentence", state.sentence},
          {"fingerprint", state.fingerprint},
          {"aborted", state.aborted},
          {"approved", state.is_approved},
          {"cleared", state.is_cleared},
          {"checked", state.is_checked},
          {"held", state.is_held},
          {"critical", state.is_critical}};
}

release::State StateNamed(const Json& json) {
  return release::StateOf(json.get<std::string>()).value_or(release::State::kSuspended);
}

release::PlanState StateFrom(const Json& json) {
  return {.state = StateNamed(json.at("state")),
          .before_suspension = StateNamed(json.at("before")),
          .generation = json.at("generation"),
          .step = json.at("step"),
          .candidate_buckets = json.at("buckets"),
          .exposed = Nanos(json.at("exposed").get<std::int64_t>()),
          .in_state = Nanos(json.at("in_state").get<std::int64_t>()),
          .reason = json.at("reason"),
          .sentence = json.at("sentence"),
          .fingerprint = json.at("fingerprint"),
          .aborted = json.at("aborted"),
          .is_approved = json.at("approved"),
          .is_cleared = json.at("cleared"),
          .is_checked = json.at("checked"),
          .is_held = json.at("held"),
          .is_critical = json.at("critical")};
}

Json PastJson(const PastTransition& past) {
  const release::Transition& transition = past.transition;
  return {{"generation", transition.generation},
          {"from", release::NameOf(transition.from)},
          {"to", release::NameOf(transition.to)},
          {"step", transition.step},
          {"buckets", transition.candidate_buckets},
          {"actor", transition.actor},
          {"reason", transition.reason},
          {"sentence", transition.sentence},
          {"evidence_digest", past.evidence_digest},
          {"at_ns", past.at.time_since_epoch().count()}};
}

PastTransition PastFrom(const Json& json) {
  return {.transition = {.generation = json.at("generation"),
                         .from = StateNamed(json.at("from")),
                         .to = StateNamed(json.at("to")),
                         .step = json.at("step"),
                         .candidate_buckets = json.at("buckets"),
                         .actor = json.at("actor"),
                         .reason = json.at("reason"),
                         .sentence = json.at("sentence")},
          .at = WallTime(Nanos(json.at("at_ns").get<std::int64_t>())),
          .evidence_digest = json.at("evidence_digest")};
}

Json CountsJson(const KeptRelease::KeptTick& kept) {
  Json arms = Json::array();
  for (const release::ArmTick& arm : kept.tick.arms) {
    Json counts = {arm.requests, arm.failures, arm.slow, arm.keys};
    for (const std::uint64_t events : arm.events)
      counts.push_back(events);
    arms.push_back(std::move(counts));
  }
  return {{"arms", std::move(arms)}, {"share", kept.share}, {"settling", kept.is_settling}};
}

KeptRelease::KeptTick CountsFrom(const Json& json) {
  KeptRelease::KeptTick kept{.share = json.at("share"), .is_settling = json.at("settling")};
  for (std::size_t i = 0; i < release::kArms; ++i) {
    const Json& counts = json.at("arms").at(i);
    release::ArmTick& arm = kept.tick.arms[i];
    arm.requests = counts.at(0);
    arm.failures = counts.at(1);
    arm.slow = counts.at(2);
    arm.keys = counts.at(3);
    for (std::size_t k = 0; k < release::kChannelsMax; ++k)
      arm.events[k] = counts.at(4 + k);
  }
  return kept;
}

Json OutsideJson(const KeptRelease::Outside& outside) {
  Json json = Json::object();
  for (const auto& [source, evidence] : outside) {
    json[source] = {{"verdict", release::NameOf(evidence.verdict)},
                    {"reason", evidence.reason},
                    {"critical", evidence.critical}};
  }
  return json;
}

KeptRelease::Outside OutsideFrom(const Json& json) {
  KeptRelease::Outside outside;
  for (const auto& [source, said] : json.items()) {
    outside[source] = {.source = source,
                       .verdict = release::FindingOf(said.at("verdict").get<std::string>())
                                      .value_or(release::Finding::kHold),
                       .reason = said.at("reason"),
                       .critical = said.at("critical")};
  }
  return outside;
}

Json KeptJson(const KeptRelease& kept) {
  return {{"plan", StateJson(kept.state)},
          {"run", kept.run},
          {"evidence", kept.evidence},
          {"outside", OutsideJson(kept.outside)},
          {"thresholds", kept.thresholds}};
}

void TakeKept(const Json& json, KeptRelease& kept) {
  kept.state = StateFrom(json.at("plan"));
  kept.run = json.at("run");
  kept.evidence = json.at("evidence");
  kept.outside = OutsideFrom(json.at("outside"));
  kept.thresholds = json.at("thresholds").get<decltype(kept.thresholds)>();
  kept.ticks.clear();
}

// Reads everything before it changes anything.
void TakeRecord(const Json& json, KeptReleases& releases) {
  const auto name = json.at("release").get<std::string>();
  if (json.at("kind") == "transition") {
    KeptRelease fresh;
    TakeKept(json.at("kept"), fresh);
    PastTransition past = PastFrom(json.at("transition"));
    KeptRelease& kept = releases[name];
    fresh.history = std::move(kept.history);
    kept = std::move(fresh);
    kept.Remember(std::move(past));
    return;
  }
  if (json.at("kind") == "outside") {
    KeptRelease::Outside outside = OutsideFrom(json.at("outside"));
    releases[name].outside = std::move(outside);
    return;
  }
  KeptRelease::KeptTick tick = CountsFrom(json.at("counts"));
  const Nanos exposed(json.at("exposed").get<std::int64_t>());
  const Nanos in_state(json.at("in_state").get<std::int64_t>());
  KeptRelease& kept = releases[name];
  kept.ticks.push_back(tick);
  kept.state.exposed = exposed;
  kept.state.in_state = in_state;
}

// The library throws where a member is missing or of another type; we do not.
template <typename Read>
Result<void> ReadJson(std::string_view text, Read read) {
  try {
    read(Json::parse(text));
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kBadRequest, error.what());
  }
  return {};
}

}  // namespace

void KeptRelease::Remember(PastTransition past) {
  history.push_back(std::move(past));
  if (history.size() > kHistoryMax) history.pop_front();
}

std::string TransitionRecord(const std::string& name,
                             const KeptRelease& kept,
                             const PastTransition& past) {
  return Dump({{"kind", "transition"},
               {"release", name},
               {"kept", KeptJson(kept)},
               {"transition", PastJson(past)}});
}

std::string TickRecord(const std::string& name,
                       const release::PlanState& state,
                       const KeptRelease::KeptTick& tick) {
  return Dump({{"kind", "tick"},
               {"release", name},
               {"exposed", state.exposed.count()},
               {"in_state", state.in_state.count()},
               {"counts", CountsJson(tick)}});
}

std::string OutsideRecord(const std::string& name, const KeptRelease& kept) {
  return Dump({{"kind", "outside"}, {"release", name}, {"outside", OutsideJson(kept.outside)}});
}

std::string SnapshotOf(const KeptReleases& releases) {
  Json all = Json::object();
  for (const auto& [name, kept] : releases) {
    Json entry = KeptJson(kept);
    entry["history"] = Json::array();
    for (const PastTransition& past : kept.history)
      entry["history"].push_back(PastJson(past));
    all[name] = std::move(entry);
  }
  return Dump({{"releases", std::move(all)}});
}

Result<void> ReadSnapshot(std::string_view text, KeptReleases& releases) {
  return ReadJson(text, [&releases](const Json& json) {
    KeptReleases read;
    for (const auto& [name, entry] : json.at("releases").items()) {
      KeptRelease& kept = read[name];
      TakeKept(entry, kept);
      for (const Json& past : entry.at("history"))
        kept.Remember(PastFrom(past));
    }
    releases = std::move(read);
  });
}

Result<void> ReadRecord(std::string_view text, KeptReleases& releases) {
  return ReadJson(text, [&releases](const Json& json) { TakeRecord(json, releases); });
}

std::string TransitionJson(const std::string& name, const PastTransition& past) {
  Json json = PastJson(past);
  json["id"] = name;
  json["weight_percent"] = past.transition.candidate_buckets / 10'000.0;
  json.erase("buckets");
  return Dump(json);
}

}  // namespace sluice::gateway
