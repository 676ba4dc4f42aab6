#include "demo/tally.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::demo {
namespace {

using Json = nlohmann::ordered_json;

Json BodyOf(const Answer& answer) {
  return Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

double Tally::PerSecond(std::size_t count, Nanos length) const {
  return static_cast<double>(count) / std::chrono::duration<double>(length).count();
}

bool IsGood(const Answer& answer) {
  return answer.status >= 200 && answer.status <= 299;
}

bool IsDegraded(const Answer& answer) {
  if (!answer.degraded.empty()) return true;
  const Json body = BodyOf(answer);
  if (!body.is_object()) return false;
  const auto missing = body.find("degraded");
  return missing != body.end() && missing->is_array() && !missing->empty();
}

bool IsRefused(const Answer& answer) {
  // "rate_limit/per-user"; a reason of one word is a failure that the gateway saw.
  return !IsGood(answer) && answer.reason.find('/') != std::string::npos;
}

std::string WhatWasTold(const Answer& answer) {
  if (answer.status == 0) return fmt::format("no answer: {}", answer.failure);
  const Json body = BodyOf(answer);
  if (!body.is_object() || !body.contains("error") || !body["error"].is_string()) {
    return fmt::to_string(answer.status);
  }
  return fmt::format("{} {}", answer.status, body["error"].get<std::string>());
}

Nanos Percentile(std::vector<Nanos> values, double ratio) {
  if (values.empty()) return Nanos(0);
  const auto index = static_cast<std::size_t>(ratio * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(index));
  return values[index];
}

Tally Count(const std::vector<Sample>& samples, const std::function<bool(const Sample&)>& counts) {
  Tally tally;
  std::vector<Nanos> latencies;
  std::vector<Nanos> refusals;
  for (const Sample& sample : samples) {
    if (!counts(sample)) continue;
    const Answer& answer = sample.answer;
    ++tally.asked;
    tally.slowest = std::max(tally.slowest, answer.latency);
    if (IsGood(answer)) {
      ++tally.good;
      if (IsDegraded(answer)) ++tally.degraded;
      latencies.push_back(answer.latency);
    } else if (IsRefused(answer)) {
      ++tally.refused;
      refusals.push_back(answer.latency);
      ++tally.refusals[answer.reason];
    } else {
      ++tally.failed;
      ++tally.failures[WhatWasTold(answer)];
    }
  }
  tally.p50 = Percentile(latencies, 0.50);
  tally.p99 = Percentile(std::move(latencies), 0.99);
  tally.refused_p99 = Percentile(std::move(refusals), 0.99);
  return tally;
}

Tally CountPhase(const std::vector<Sample>& samples, std::size_t phase) {
  return Count(samples, [phase](const Sample& sample) { return sample.phase == phase; });
}

}  // namespace sluice::demo
