// ReleaseHooks: asks the hooks of a release's steps, and keeps what they answered.
//
// A hook is a POST of a line of JSON that says which release is about to do what; 2xx agrees,
// anything else, silence too, does not. Hooks of one moment are asked one after another; the first
// that does not agree decides. `pre` and `post` hooks are asked once in a generation of the plan,
// `during` hooks every half minute.
//
// Belongs to the control loop.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/release/machine.h"

namespace sluice::gateway {

class ReleaseHooks {
 public:
  static constexpr Nanos kDuringInterval = std::chrono::seconds(30);
  static constexpr Bytes kAnswerBytesMax = 64 * kKiB;

  explicit ReleaseHooks(Loop& control) : loop_(control) {}
  ReleaseHooks(const ReleaseHooks&) = delete;
  ReleaseHooks& operator=(const ReleaseHooks&) = delete;
  ~ReleaseHooks() = default;  // After Stopped().

  // Asks what `machine` wants asked, unless that is under way. Returns the answer to it, once.
  [[nodiscard]] std::optional<release::HookAnswer> Follow(const release::Machine& machine);

  // Ends all questions early.
  void RequestStop();
  [[nodiscard]] Task<void> Stopped();

 private:
  struct Inquiry {
    release::HookMoment when = release::HookMoment::kPre;
    std::uint64_t generation = 0;
    std::vector<release::HookOptions> hooks;
    std::string question;
    SteadyTime started{};
    Stream* stream = nullptr;  // Of the question under way.
    bool is_stopped = false;
    bool is_told = false;
    std::optional<release::HookAnswer> answer;
  };

  [[nodiscard]] bool IsStale(const Inquiry& inquiry, const release::Machine& machine) const;
  Task<void> Run(std::shared_ptr<Inquiry> inquiry);
  // Nothing went wrong: the hook agrees. `hook` and `inquiry` are held by Run().
  Task<Result<void>> Ask(const release::HookOptions& hook, Inquiry& inquiry);

  Loop& loop_;
  std::map<std::string, std::shared_ptr<Inquiry>> inquiries_;  // By release.
  TaskGroup tasks_;
};

}  // namespace sluice::gateway
