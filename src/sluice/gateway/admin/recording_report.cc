#include "sluice/gateway/admin/recording_report.h"

#include <atomic>

#include <nlohmann/json.hpp>

namespace sluice::gateway::admin {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

RecordingTotals RecordingTotalsOf(Gateway& gateway) {
  RecordingTotals totals;
  for (std::size_t i = 0; i < gateway.worker_count(); ++i) {
    const traffic::tap::TapCounts& counts = gateway.stats().worker(i).record;
    totals.queue_full += counts.queue_full.value();
    totals.not_sampled += counts.skipped.value();
    totals.rate_capped += counts.capped.value();
    totals.queue_bytes += counts.bytes.value();
  }
  const traffic::tap::RecordingSink* const sink = gateway.recordings().sink();
  if (sink == nullptr) return totals;
  const traffic::tap::SinkCounts& counts = sink->counts();
  totals.written = counts.written.load(std::memory_order_relaxed);
  totals.write_failed = counts.lost.load(std::memory_order_relaxed);
  totals.write_failures = counts.failures.load(std::memory_order_relaxed);
  totals.masked_values = counts.masked.load(std::memory_order_relaxed);
  totals.evicted = counts.evicted.load(std::memory_order_relaxed);
  totals.stored = counts.stored.load(std::memory_order_relaxed);
  totals.file_bytes = counts.bytes.load(std::memory_order_relaxed);
  return totals;
}

std::string RecordingsJson(Gateway& gateway) {
  Json recordings = Json::array();
  const traffic::tap::RecordingSink* const sink = gateway.recordings().sink();
  if (sink != nullptr) {
    const RecordingTotals totals = RecordingTotalsOf(gateway);
    const traffic::tap::SinkOptions& options = gateway.recordings().options();
    const std::string error = sink->last_error();
    recordings.push_back(
        {{"path", sink->path()},
         {"state", error.empty() ? "recording" : "failing"},
         {"error", error},
         {"masking", options.mask.is_on},
         {"exchanges", totals.stored},
         {"bytes", totals.file_bytes},
         {"max_bytes", options.recording.bytes_max},
         {"written", totals.written},
         {"dropped", {{"queue_full", totals.queue_full}, {"write_failed", totals.write_failed}}},
         {"skipped", {{"not_sampled", totals.not_sampled}, {"rate_cap", totals.rate_capped}}},
         {"evicted", totals.evicted},
         {"masked_values", totals.masked_values},
         {"queue_bytes", totals.queue_bytes}});
  }
  return Json{{"recordings", std::move(recordings)}}.dump(2) + "\n";
}

}  // namespace sluice::gateway::admin
