// Warmer: sends a corpus to one instance until it is warm.
//
//   connect  until it accepts,
//   touch    one request of each class, one after the other: classes are loaded, pools filled,
//   pump     a closed loop of c requests at once. c grows by one each second while nothing fails
//   and
//            the median does not rise, up to what the expected rate needs (Little: rate · p50),
//   verify   an open loop at part of the expected rate, measured from when a request was due; an
//            instance that was never cold is verified for a second only.
//
// Not every instance becomes warm: the time is bounded, and the report says why.
//
// Belongs to one loop. `corpus` and `credentials` must live until Run() has returned.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/event.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/traffic/connection.h"
#include "sluice/warmup/class_draw.h"
#include "sluice/warmup/corpus.h"
#include "sluice/warmup/options.h"
#include "sluice/warmup/report.h"
#include "sluice/warmup/warmness.h"
#include "sluice/warmup/warmup_request.h"

namespace sluice::warmup {

class Warmer {
 public:
  // `credentials` may be null.
  Warmer(Loop& loop,
         const Address& target,
         const WarmupOptions& options,
         const Corpus& corpus,
         CredentialSource* credentials);
  Warmer(const Warmer&) = delete;
  Warmer& operator=(const Warmer&) = delete;
  ~Warmer();

  // Once. Afterwards report() says what became of it.
  [[nodiscard]] Task<void> Run();

  // Run() returns within a second.
  void Stop();

  // Also while it runs.
  [[nodiscard]] const WarmupReport& report() const { return report_; }

 private:
  // What became of one request.
  struct Answer {
    bool is_answered = false;
    int status = 0;
    Nanos latency{0};
    Error error;
  };
  struct Waiting;

  [[nodiscard]] Task<bool> Connect();
  [[nodiscard]] Task<bool> Touch();
  [[nodiscard]] Task<void> TouchClass(std::size_t index);
  [[nodiscard]] Task<bool> Pump();
  [[nodiscard]] Task<void> PumpOne(std::size_t number);
  [[nodiscard]] Task<bool> Verify();
  [[nodiscard]] Task<void> VerifyOne(SteadyTime due);
  [[nodiscard]] Task<bool> Mint();
  [[nodiscard]] Task<bool> Pause(Nanos span);  // False: it is over.

  // Sends one request of a class. Latency counts from `due`.
  [[nodiscard]] Task<Answer> Ask(std::size_t class_index, SteadyTime due, Nanos timeout);
  [[nodiscard]] Task<Result<int>> Exchange(traffic::Connection& connection,
                                           const SampleRequest& sample,
                                           SteadyTime deadline,
                                           SteadyTime& head_at);
  [[nodiscard]] Task<Result<std::unique_ptr<traffic::Connection>>> TakeConnection(
      SteadyTime deadline);
  void GiveBack(std::unique_ptr<traffic::Connection> connection);
  void NoteBootId(const traffic::Connection& connection);

  void StartPumping(std::uint64_t target);
  void Observe(std::size_t class_index, const Answer& answer);
  void AdjustConcurrency();
  void NoteProgress();
  [[nodiscard]] bool IsWorse(std::size_t class_index, const Answer& answer) const;
  [[nodiscard]] bool JudgeVerification(std::vector<double>& latencies);
  [[nodiscard]] double Rate() const;
  [[nodiscard]] bool is_over() const { return is_stopped_ || loop_.now() >= deadline_; }
  void Finish(Outcome outcome, std::string reason);
  void FinishUnwarmed();

  Loop& loop_;
  const Address target_;
  const WarmupOptions options_;
  const Corpus& corpus_;
  CredentialSource* credentials_;
  WarmupReport report_;
  Credential credential_;
  SteadyTime minted_at_{};
  SteadyTime begun_at_{};
  SteadyTime deadline_{};

  // Replayable classes that answered when they were touched; the draw and the judge count by their
  // place in this list.
  std::vector<std::size_t> active_;
  std::optional<ClassDraw> draw_;
  std::optional<WarmnessJudge> judge_;
  bool is_target_known_ = false;
  bool must_restart_ = false;

  TaskGroup tasks_;
  Event wake_;
  bool is_stopped_ = false;
  bool is_pumping_ = false;
  std::vector<traffic::Connection*> busy_;
  std::vector<std::unique_ptr<traffic::Connection>> idle_;
  std::size_t pumps_ = 0;  // Loops that run.
  std::uint64_t worse_in_second_ = 0;
  std::vector<double> second_;  // Levels of the answers of this second.
  double second_before_ = 0;    // Their median in the second before; 0: unknown.
  std::uint64_t backwards_ = 0;
  std::string last_error_;
  std::uint64_t answered_well_ = 0;
  double best_level_ = 0;
  SteadyTime better_at_{};
  std::vector<double> verified_;  // Latencies in nanoseconds.
};

}  // namespace sluice::warmup
