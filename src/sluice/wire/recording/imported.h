// What came out of a foreign file: what was readable, and an account of the rest.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

struct Imported {
  static constexpr std::size_t kProblemsMax = 10;

  std::vector<RecordedExchange> exchanges;  // In the order of their beginning.
  std::uint64_t unreadable = 0;             // Pieces that gave no exchange.
  std::vector<std::string> problems;        // The first of them, for people.

  void Complain(std::string problem) {
    ++unreadable;
    if (problems.size() < kProblemsMax) problems.push_back(std::move(problem));
  }
};

inline void SortByBeginning(std::vector<RecordedExchange>& exchanges) {
  std::ranges::sort(exchanges, [](const RecordedExchange& a, const RecordedExchange& b) {
    return std::tie(a.started, a.sequence) < std::tie(b.started, b.sequence);
  });
}

}  // namespace sluice::wire::recording
