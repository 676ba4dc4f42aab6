// Load: users who ask at a fixed rate, whether or not earlier ones were answered (an open loop).
// Latency counts from the moment a question was due, so a stall is seen by all whom it delays.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "demo/http_client.h"

#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/time.h"

namespace sluice::demo {

enum class PhaseStart : std::uint8_t {
  kOnTime,        // Who asked before may still wait: they see what changes.
  kWhenAnswered,  // A moment later, so that each user belongs to one phase.
};

struct Phase {
  std::string name;
  double per_second = 20;
  Nanos length{0};
  PhaseStart start = PhaseStart::kOnTime;
  std::function<void()> at_begin = {};  // What changes then; must not wait.
};

struct LoadPlan {
  std::vector<Phase> phases;
  std::function<Question(std::size_t number)> question;
  Nanos patience = std::chrono::seconds(5);
};

struct Sample {
  std::size_t phase = 0;
  Nanos due{0};  // Since the phase began.
  Answer answer;
};

// Asks `client` according to the plan and appends to `samples`, in the order in which they were
// due. Completes when the last one was answered. All four must live until then.
class LoadRun {
 public:
  LoadRun(Loop& loop, HttpClient& client, const LoadPlan& plan, std::vector<Sample>& samples)
      : loop_(loop), client_(client), plan_(plan), samples_(samples) {}

  Task<void> Run();

  [[nodiscard]] bool is_done() const { return is_done_; }
  // Where it is now, for a line of progress.
  [[nodiscard]] std::string_view phase() const { return phase_; }

 private:
  Task<void> AskOne(std::size_t sample, SteadyTime due);

  Loop& loop_;
  HttpClient& client_;
  const LoadPlan& plan_;
  std::vector<Sample>& samples_;
  TaskGroup tasks_;
  std::string_view phase_;
  bool is_done_ = false;
};

}  // namespace sluice::demo
