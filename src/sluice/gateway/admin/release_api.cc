#include "sluice/gateway/admin/release_api.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/release/bucket.h"
#include "sluice/wire/authority.h"

namespace sluice::gateway::admin {
namespace {

using Json = nlohmann::ordered_json;

// A number of JSON cannot be endless.
constexpr double kLogMax = 700;

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

double SecondsOf(Nanos time) {
  return static_cast<double>(time.count()) / 1e9;
}

double EValue(double log_e) {
  return std::exp(std::min(log_e, kLogMax));
}

Json MetricJson(const release::MetricReport& report) {
  return {{"name", report.name},
          {"candidate_events", report.candidate_events},
          {"candidate_requests", report.candidate_requests},
          {"stable_events", report.stable_events},
          {"stable_requests", report.stable_requests},
          {"ratio", report.ratio},
          {"ratio_low", report.ratio_low},
          {"ratio_high", report.ratio_high},
          {"e_value", EValue(report.log_e)},
          {"e_threshold", EValue(report.log_threshold)},
          {"detectable_ratio", report.detectable_ratio}};
}

// Which routes a bad release is bad on: the five with most failures of the candidate.
Json RoutesJson(const ReleaseEntry& entry) {
  std::vector<std::pair<std::string, release::Tick>> routes;
  entry.state->ForEachRoute(
      [&routes](const ReleaseRoute& route) { routes.emplace_back(route.route, route.Totals()); });
  const auto bad = [](const release::Tick& tick) {
    const release::ArmTick& arm = tick.of(release::Arm::kCandidate);
    std::uint64_t events = arm.failures;
    for (const std::uint64_t count : arm.events)
      events += count;
    return events;
  };
  std::ranges::stable_sort(
      routes, [&bad](const auto& a, const auto& b) { return bad(a.second) > bad(b.second); });
  constexpr std::size_t kShown = 5;
  if (routes.size() > kShown) routes.resize(kShown);
  Json list = Json::array();
  for (const auto& [name, tick] : routes) {
    list.push_back({{"route", name},
                    {"candidate_requests", tick.of(release::Arm::kCandidate).requests},
                    {"candidate_failures", tick.of(release::Arm::kCandidate).failures},
                    {"candidate_events", bad(tick)},
                    {"stable_requests", tick.baseline().requests},
                    {"stable_failures", tick.baseline().failures}});
  }
  return list;
}

Json Summary(const std::string& name, const ReleaseEntry& entry) {
  const release::PlanState& state = entry.machine.state();
  const release::PlanOptions& options = entry.machine.options();
  return {{"name", name},
          {"stable", options.stable},
          {"candidate", options.candidate},
          {"state", release::NameOf(state.state)},
          {"generation", state.generation},
          {"step", state.step + 1},
          {"steps", options.steps.size()},
          {"weight_percent", state.candidate_buckets / 10'000.0},
          {"exposed_seconds", SecondsOf(state.exposed)},
          {"bake_seconds", SecondsOf(entry.machine.bake_of_step())},
          {"reason", state.reason},
          {"why", state.sentence},
          {"explain", entry.machine.Explain()}};
}

Json Details(const std::string& name, const ReleaseEntry& entry) {
  Json json = Summary(name, entry);
  json["verdict"] = {{"finding", release::NameOf(entry.verdict.finding)},
                     {"reason", entry.verdict.reason},
                     {"why", entry.verdict.sentence}};
  json["steps_planned"] = Json::array();
  for (const release::StepOptions& step : entry.machine.options().steps) {
    json["steps_planned"].push_back(
        {{"weight_percent", step.weight_percent},
         {"bake_seconds", SecondsOf(step.bake)},
         {"approve", step.approve == release::Approval::kManual ? "manual" : "auto"}});
  }
  json["metrics"] = Json::array();
  if (entry.judge) {
    for (const release::MetricReport& report : entry.judge->Report())
      json["metrics"].push_back(MetricJson(report));
    json["control_e_value"] = EValue(entry.judge->control_log_e());
    json["assignment_e_value"] = EValue(entry.judge->assignment_log_e());
  }
  json["evidence"] = Json::array();
  for (const auto& [source, said] : entry.kept.outside) {
    json["evidence"].push_back({{"source", source},
                                {"verdict", release::NameOf(said.verdict)},
                                {"reason", said.reason},
                                {"critical", said.critical}});
  }
  json["routes"] = RoutesJson(entry);
  json["fingerprint"] = entry.machine.state().fingerprint;
  json["not_written"] = entry.unwritten.size();
  return json;
}

AdminResponse Found(const Json& json) {
  return {.status = 200, .body = Dump(json), .allow = {}};
}

AdminResponse History(const std::string& name, const ReleaseEntry& entry) {
  Json list = Json::array();
  for (const PastTransition& past : entry.kept.history)
    list.push_back(Json::parse(TransitionJson(name, past)));
  return Found({{"name", name}, {"history", std::move(list)}});
}

// Why a user gets what it gets, in one sentence.
std::string WhyOf(const ReleaseState::Split& split, release::Arm arm, double from_percent) {
  if (!split.is_live) return "the release takes no traffic: everybody gets stable";
  const double weight = split.shares.candidate / 10'000.0;
  switch (arm) {
    case release::Arm::kCandidate:
      return fmt::format(
          "the candidate has the first {:.4g} % of the users, and this one is in "
          "them from {:.4f} % on",
          weight, from_percent);
    case release::Arm::kControl:
      return fmt::format(
          "stable, counted as its control slice; the candidate from {:.4f} % on, "
          "and it has {:.4g} %",
          from_percent, weight);
    case release::Arm::kStable:
      break;
  }
  return fmt::format(
      "stable: the candidate has {:.4g} % of the users, and this one only from "
      "{:.4f} % on",
      weight, from_percent);
}

AdminResponse Explain(const std::string& name,
                      const ReleaseEntry& entry,
                      const ReleasePlan& plan,
                      std::string_view query) {
  Json json = Details(name, entry);
  std::string scratch;
  std::optional<std::string_view> key = wire::FindQueryParameter(query, "user", scratch);
  if (!key) key = wire::FindQueryParameter(query, "key", scratch);
  if (key) {
    const ReleaseState::Split split = entry.state->split();
    const std::uint32_t bucket = release::BucketOf(*key, plan.salt_seed);
    const release::Arm arm =
        split.is_live ? release::ArmOf(bucket, split.shares) : release::Arm::kStable;
    const double from = (bucket + 1) / 10'000.0;
    json["key"] = {{"key", std::string(*key)},
                   {"bucket", bucket},
                   {"arm", release::NameOf(arm)},
                   {"upstream", arm == release::Arm::kCandidate ? plan.config->plan.candidate
                                                                : plan.config->plan.stable},
                   {"candidate_from_percent", from},
                   {"why", WhyOf(split, arm, from)}};
  }
  return Found(json);
}

// "NAME/REST" below the list's path.
std::pair<std::string, std::string> PartsOf(std::string_view path) {
  path.remove_prefix(std::min(path.size(), kReleases.size() + 1));
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {std::string(path), {}};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

const ReleaseEntry* Find(Gateway& gateway, const std::string& name) {
  const Releases::Entries& entries = gateway.releases().entries();
  const auto found = entries.find(name);
  if (found == entries.end() || gateway.releases().PlanOf(*found->second) == nullptr) {
    return nullptr;
  }
  return found->second.get();
}

AdminResponse NoRelease(const std::string& name) {
  return Refuse(404, "not_found", fmt::format("no release `{}`", name));
}

// Goes into the log and the history as it is: one line, and no book.
bool IsLine(const Json& value) {
  constexpr std::size_t kCharsMax = 500;
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.size() <= kCharsMax && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

// What the body says; nothing: it is no JSON object, or has members of other types.
std::optional<release::CommandOrder> OrderOf(const AdminRequest& request) {
  release::CommandOrder order{.actor = "admin"};
  const Json body = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  for (const auto& [key, value] : body.items()) {
    if (key == "actor" && IsLine(value)) {
      order.actor = value.get<std::string>();
    } else if (key == "reason" && IsLine(value)) {
      order.reason = value.get<std::string>();
    } else if (key == "force" && value.is_boolean()) {
      order.force = value.get<bool>();
    } else if (key == "if_generation" && value.is_number_unsigned()) {
      order.if_generation = value.get<std::uint64_t>();
    } else {
      return std::nullopt;
    }
  }
  return order;
}

// What the body says; nothing: something is missing, or of another type.
std::optional<release::OutsideEvidence> EvidenceOf(const AdminRequest& request) {
  release::OutsideEvidence evidence;
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  bool has_verdict = false;
  for (const auto& [key, value] : body.items()) {
    if (key == "source" && IsLine(value)) {
      evidence.source = value.get<std::string>();
    } else if (key == "reason" && IsLine(value)) {
      evidence.reason = value.get<std::string>();
    } else if (key == "critical" && value.is_boolean()) {
      evidence.critical = value.get<bool>();
    } else if (key == "verdict" && value.is_string()) {
      const auto finding = release::FindingOf(value.get<std::string>());
      if (!finding) return std::nullopt;
      evidence.verdict = *finding;
      has_verdict = true;
    } else {
      return std::nullopt;
    }
  }
  const bool is_whole = has_verdict && !evidence.source.empty() && evidence.source.size() <= 64 &&
                        !evidence.reason.empty();
  if (!is_whole) return std::nullopt;
  return evidence;
}

AdminResponse Done(Gateway& gateway,
                   const std::string& name,
                   const std::optional<std::expected<void, release::CommandRefusal>>& done) {
  if (!done) return NoRelease(name);
  if (!*done) {
    const bool is_stale = done->error().as == release::RefusedAs::kStale;
    return Refuse(409, is_stale ? "stale" : "conflict", done->error().text);
  }
  Json json = Summary(name, *Find(gateway, name));
  json["ok"] = true;
  return Found(json);
}

AdminResponse PostEvidence(Gateway& gateway, const std::string& name, const AdminRequest& request) {
  std::optional<release::OutsideEvidence> evidence = EvidenceOf(request);
  if (!evidence) {
    return Refuse(422, "bad_evidence",
                  "the body must have `source` (up to 64 characters), `verdict` (pass, hold, fail, "
                  "or wait to take it back) and `reason`, a line each, and may have `critical` "
                  "(true or false)");
  }
  return Done(gateway, name, gateway.releases().Tell(name, std::move(*evidence)));
}

}  // namespace

bool IsReleasePath(std::string_view path) {
  return path == kReleases ||
         (path.starts_with(kReleases) && path.substr(kReleases.size()).starts_with('/'));
}

AdminResponse GetReleases(Gateway& gateway, const AdminRequest& request) {
  if (request.path == kReleases) {
    Json list = Json::array();
    for (const auto& [name, entry] : gateway.releases().entries()) {
      if (gateway.releases().PlanOf(*entry) != nullptr) list.push_back(Summary(name, *entry));
    }
    return Found({{"releases", std::move(list)},
                  {"state_health", state::NameOf(gateway.releases().health())}});
  }
  const auto [name, page] = PartsOf(request.path);
  const ReleaseEntry* const entry = Find(gateway, name);
  if (entry == nullptr) return NoRelease(name);
  if (page.empty()) return Found(Details(name, *entry));
  if (page == "history") return History(name, *entry);
  if (page == "explain") {
    return Explain(name, *entry, *gateway.releases().PlanOf(*entry), request.query);
  }
  return Refuse(404, "not_found", "a release has history and explain");
}

AdminResponse PostRelease(Gateway& gateway, const AdminRequest& request) {
  const auto [name, word] = PartsOf(request.path);
  if (Find(gateway, name) == nullptr) return NoRelease(name);
  if (word == "evidence") return PostEvidence(gateway, name, request);
  const std::optional<release::Command> command = release::CommandOf(word);
  if (!command) {
    return Refuse(404, "not_found",
                  "a release can start, pause, resume, approve, promote, abort and undo, and take "
                  "evidence");
  }
  std::optional<release::CommandOrder> order = OrderOf(request);
  if (!order) {
    return Refuse(422, "bad_order",
                  "the body may have `actor`, `reason` (a line each), `force` (true or false) and "
                  "`if_generation` (a number)");
  }
  order->command = *command;
  return Done(gateway, name, gateway.releases().Do(name, *order));
}

}  // namespace sluice::gateway::admin
