#include "sluice/warmup/report_json.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace sluice::warmup {
namespace {

using Json = nlohmann::ordered_json;

// With three digits behind the point: microseconds, thousandths.
double Rounded(double value) {
  return std::round(value * 1000) / 1000;
}

double Milliseconds(Nanos span) {
  return Rounded(static_cast<double>(span.count()) / 1e6);
}

Json GroupsJson(const Verdict& verdict) {
  Json groups = Json::array();
  for (const GroupVerdict& group : verdict.groups) {
    groups.push_back({{"label", group.label},
                      {"answers", group.answers},
                      {"worse", group.worse},
                      {"referenced", group.is_referenced},
                      {"level", Rounded(group.level)},
                      {"slope", Rounded(group.slope)},
                      {"dispersion", Rounded(group.dispersion)},
                      {"warm", group.is_warm()}});
  }
  return groups;
}

Json CoverageJson(const WarmupReport& report) {
  const Coverage& coverage = report.coverage;
  Json skipped = Json::object();
  for (std::size_t i = 1; i < kSkipCount; ++i) {
    if (coverage.skipped[i] == 0) continue;
    skipped[std::string(NameOf(static_cast<Skip>(i)))] = coverage.skipped[i];
  }
  return {{"classes", coverage.classes},
          {"replayable", coverage.replayable},
          {"share", Rounded(coverage.share)},
          {"classes_short", report.classes_short},
          {"skipped", skipped}};
}

Json ClassesJson(const WarmupReport& report) {
  Json classes = Json::array();
  for (const ClassReport& one : report.classes) {
    classes.push_back({{"label", one.label},
                       {"share", Rounded(one.share)},
                       {"sent", one.sent},
                       {"worse", one.worse},
                       {"refused", one.is_refused},
                       {"recorded_p50_ms", Milliseconds(one.recorded_p50)},
                       {"first_ms", Milliseconds(one.first)}});
  }
  return classes;
}

}  // namespace

std::string ReportJson(const WarmupReport& report) {
  const VerifyReport& verify = report.verify;
  const Json json = {{"outcome", NameOf(report.outcome)},
                     {"ready", IsReady(report.outcome)},
                     {"reason", report.reason},
                     {"phase", NameOf(report.phase)},
                     {"progress", Rounded(report.progress())},
                     {"took_ms", Milliseconds(report.took)},
                     {"requests", report.requests},
                     {"target_requests", report.target},
                     {"transport_errors", report.transport_errors},
                     {"concurrency", report.concurrency},
                     {"restarts", report.restarts},
                     {"stalled", report.is_stalled},
                     {"boot_id", report.boot_id},
                     {"first_level", Rounded(report.first_level)},
                     {"level", Rounded(report.verdict.level)},
                     {"groups", GroupsJson(report.verdict)},
                     {"verify",
                      {{"runs", report.verifications},
                       {"passed", verify.is_passed},
                       {"rate_per_second", Rounded(verify.rate_per_second)},
                       {"answered", verify.answered},
                       {"slow", verify.slow},
                       {"worse", verify.worse},
                       {"p50_ms", Milliseconds(verify.p50)},
                       {"p99_ms", Milliseconds(verify.p99)}}},
                     {"coverage", CoverageJson(report)},
                     {"classes", ClassesJson(report)}};
  // A label is as the recording has it, which may be no UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::warmup
