// ManagedNode: a running node with attempts: guards, retries, a hedge, timeouts of attempts.
//
// A round is an attempt and perhaps its hedge; when all attempts of a round have failed, the retry
// policy may begin another. Each attempt asks the guards and reports to them. The activity lives
// until every attempt that was started has ended, wanted or not.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sluice/contract/guard.h"
#include "sluice/contract/timer.h"
#include "sluice/dag/run_block.h"

namespace sluice::dag {

class ManagedNode final : public Activity {
 public:
  static constexpr std::size_t kGuardsMax = 4;

  // The node's state is kRunning; everything that follows is told to `run`.
  static void Start(RunBlock& run, const NodeRecord& record);

  // The node is terminal: stops what runs, tells guards `verdict` of it. May free this.
  void Abandon(Verdict verdict);

  void StopAttempts();

  // An attempt has its value and is about to end.
  [[nodiscard]] bool has_returned() const;

 private:
  struct Attempt;
  enum class Wait : std::uint8_t { kNothing, kBackoff, kHedge };

  ManagedNode(RunBlock& its_run, const NodeRecord& record, SteadyTime until);
  ~ManagedNode() = default;

  [[nodiscard]] const Policy& policy() const { return *run().plan().info[node_index()].policy; }

  void StartRound();
  void StartAttempt();
  [[nodiscard]] std::unique_ptr<NodeError> AskGuards(Attempt& attempt, Nanos& wait);
  void RunBody(Attempt& attempt);
  void AttemptFailed(int number, std::unique_ptr<NodeError> error);
  void RoundFailed(std::unique_ptr<NodeError> error);
  void Succeed();
  void Fail(std::unique_ptr<NodeError> error);
  void GiveUp(Attempt& attempt, Verdict verdict);
  void Forget(Attempt& attempt);
  void FreeIfDone();

  static void BodyFinished(WorkOwner& owner);
  static void LaterFired(Timer& timer, SteadyTime now);
  static void AlarmFired(Timer& timer, SteadyTime now);

  const NodeRecord& record_;
  Attempt* attempts_ = nullptr;
  Timer later_;
  Wait wait_ = Wait::kNothing;
  std::uint8_t rounds_ = 0;
  std::uint8_t begun_ = 0;    // Attempts, over all rounds.
  std::uint8_t running_ = 0;  // Attempts of this round that may still bring the value.
  bool hedged_ = false;       // In this round.
  bool is_settled_ = false;   // The node is terminal, or about to be.
  std::unique_ptr<NodeError> first_error_;  // Of this round's first attempt.
  int first_error_number_ = 0;
};

}  // namespace sluice::dag
