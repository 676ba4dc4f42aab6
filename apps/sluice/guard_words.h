// What people read of a guard: an entry of /api/v1/guards in words and counts.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace sluice::app {

struct GuardWords {
  std::string rule;  // "rate_limit/per-user", as in x-sluice-reason.
  std::string mode;  // "shadow"; "enforce 10%" where only a part of the refusals refuses.
  bool counts_requests = true;  // False: the counts are of endpoints taken out.
  std::uint64_t asked = 0;
  std::uint64_t refused = 0;
  std::uint64_t would_refuse = 0;
  std::string now;   // Its state, short: "closed", "12 of 37 busy".
  std::string when;  // When it refuses, and what it has seen.
};

// One for each rule of `guards`, an array of the admin API, in its order; what refuses nobody (a
// degrade chain) is left out. What an entry lacks is left out of the words.
[[nodiscard]] std::vector<GuardWords> WordsOf(const nlohmann::json& guards);

// "500 ms", "1.5 s", "4 min 10 s", "2 h", "3 d".
[[nodiscard]] std::string SpanText(double seconds);

// `part` of `whole` in percent; 0 of nothing.
[[nodiscard]] double PercentOf(std::uint64_t part, std::uint64_t whole);

// "1 key", "2 keys".
[[nodiscard]] std::string CountOf(std::uint64_t count, const char* noun);

}  // namespace sluice::app
