// WarmnessJudge: has an instance become as fast as its kind was recorded to be?
//
// Each answer gives y = ln(latency) - ln(recorded p50 of its class). Classes that together make 80
// % of the traffic are judged each alone, the rest as one group. A group's answers are cut into
// blocks; over the last K of them, with medians m and errors counted:
//
//   level       exp(median(m)) <= level_ratio                 as fast as recorded,
//   slope       -Theil-Sen(m) * K < slope_percent / 100       no longer getting faster,
//   errors      no answer worse than recorded in the last 3 blocks.
//
// The instance is warm when all groups are. A group that was recorded without latencies is judged
// by itself alone: slope, medians that vary by at most 5 %, no change of mean or variance in the
// last 500 answers and 10 s (Barrett et al. 2017); such a result says `unreferenced`, since a pause
// of a compiler looks the same.
//
// Pure and not thread-safe: belongs to one warm-up.

#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"

namespace sluice::warmup {

struct DetectOptions {
  double level_ratio = 1.25;      // Above 1, up to 10: of the recorded median.
  double slope_percent = 10;      // Over 0 .. 100: getting faster by more is not yet steady.
  std::size_t block = 50;         // 4 .. 1000 answers, fewer where fewer are expected.
  std::size_t blocks = 5;         // 3 .. 20.
  double dispersion_ratio = 1.5;  // Reported, never waited for: p90/p50 against the recorded one.
  friend bool operator==(const DetectOptions&, const DetectOptions&) = default;
};
void Validate(const DetectOptions& options, std::string_view path, ConfigProblems& problems);

// What the judge knows of a class of requests.
struct JudgedClass {
  std::string label;
  double share = 0;     // Of the traffic.
  double expected = 0;  // Answers expected before the first judgement: sizes the blocks.
  Nanos p50{0};         // 0: not recorded.
  Nanos p90{0};
};

struct GroupVerdict {
  std::string label;
  std::uint64_t answers = 0;
  std::uint64_t worse = 0;  // Answers worse than recorded.
  double level = 0;         // 1: as recorded; 0: not known yet, or no reference.
  double slope = 0;         // Change over K blocks, in the logarithm.
  double dispersion = 0;    // Of the last block, over the recorded one.
  bool is_referenced = true;
  bool has_enough = false;  // K blocks are full.
  bool level_holds = false;
  bool slope_holds = false;
  bool errors_hold = false;
  bool dispersion_holds = false;

  [[nodiscard]] bool is_warm() const {
    return has_enough && level_holds && slope_holds && errors_hold;
  }
};

struct Verdict {
  std::vector<GroupVerdict> groups;
  bool is_warm = false;        // All groups are.
  bool is_referenced = false;  // At least one group was judged by its recorded latency.
  double level = 0;            // Of the worst group; 0: not known yet.
  bool was_ever_cold = false;  // Some block was slower than level_ratio.
};

class WarmnessJudge {
 public:
  static constexpr double kAloneShare = 0.8;
  static constexpr std::size_t kSeriesMax = 1000;  // Answers remembered of a group.
  static constexpr std::size_t kMedianMax = 10;
  static constexpr std::size_t kErrorBlocks = 3;
  static constexpr std::size_t kBlockMin = 4;
  static constexpr std::size_t kUnreferencedMin = 500;
  static constexpr Nanos kUnreferencedTime = std::chrono::seconds(10);

  // Requires valid options and at least one class.
  WarmnessJudge(const DetectOptions& options, const std::vector<JudgedClass>& classes);

  // One answer of a class. `is_worse`: of a worse class of status than recorded, or none; its
  // latency then says nothing. True when a block became full: Judge() may have changed its mind.
  bool Observe(std::size_t class_index, Nanos latency, bool is_worse, SteadyTime now);

  [[nodiscard]] Verdict Judge() const;

  // The median of all answers so far over the recorded one; 0 before the first. For a first guess.
  [[nodiscard]] double FirstLevel() const;

 private:
  struct Block {
    double median = 0;
    double spread = 0;  // ln(p90/p50)
    std::uint64_t worse = 0;
  };
  struct Answer {
    double y = 0;
    SteadyTime at{};
  };
  struct Group {
    std::string label;
    bool is_referenced = true;
    double expected = 0;
    double recorded_spread = 0;  // ln(p90/p50), by share.
    double share = 0;
    std::size_t block_size = 0;
    std::vector<double> open;  // The block under way.
    std::uint64_t open_worse = 0;
    std::deque<Block> blocks;  // The last kMedianMax (or K).
    std::deque<Answer> series;
    std::uint64_t answers = 0;
    std::uint64_t worse = 0;
    bool was_cold = false;
  };

  void CloseBlock(Group& group);
  [[nodiscard]] GroupVerdict JudgeGroup(const Group& group) const;
  [[nodiscard]] static bool IsSteadyAlone(const Group& group, const std::vector<double>& medians);

  DetectOptions options_;
  std::vector<double> references_;     // ln p50 by class; 0 without.
  std::vector<std::size_t> group_of_;  // By class.
  std::vector<Group> groups_;
};

}  // namespace sluice::warmup
