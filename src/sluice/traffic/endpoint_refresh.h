// EndpointRefresh: keeps the resolved endpoints of one upstream up to date.
//
// One task for each endpoint that is a name: it asks the loop's resolver, publishes what it says
// and comes back when the answer's TTL is over (within RefreshOptions, up to a tenth earlier so
// that many gateways do not ask at once). A failure keeps the last good answer and is tried again
// with growing waits. An upstream of literal addresses needs no task: Upstream::Create() did it
// all.
//
// Belongs to one control loop, the same for all that publish to the upstream.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/traffic/upstream.h"

namespace sluice::traffic {

struct RefreshEvent {
  std::string_view upstream;
  std::string_view host;         // The name that was asked for.
  const Error* error = nullptr;  // Set: it failed, and the last good answer stays.
  std::size_t addresses = 0;     // In use for this name from now on.
  std::size_t left_out = 0;      // Addresses beyond the bound of endpoints.
};

class EndpointRefresh final {
 public:
  // Called on the control loop for each answer that says something new or ends a failure, and for
  // the first failure of a row: changes of state, not every question. May be empty.
  using OnEvent = std::move_only_function<void(const RefreshEvent&)>;

  EndpointRefresh(Loop& loop, std::shared_ptr<Upstream> upstream, OnEvent on_event);
  ~EndpointRefresh();  // Requires that the tasks have ended.
  EndpointRefresh(const EndpointRefresh&) = delete;
  EndpointRefresh& operator=(const EndpointRefresh&) = delete;

  // Spawns the tasks into `group`; once.
  void Start(TaskGroup& group);

  // Tasks end at once, or when the question they have in flight is answered
  // (RefreshOptions::timeout at most). Idempotent. Await the group afterwards.
  void RequestStop();

  // True when every name has been answered or has failed at least once: a gateway that starts may
  // wait for it.
  [[nodiscard]] bool settled() const;

  [[nodiscard]] std::uint64_t successes() const { return successes_; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }

 private:
  struct Name;

  Task<void> Run(Name& name);
  void Take(Name& name, Resolution answer);
  void Lose(Name& name, const Error& error);
  std::size_t Publish();
  [[nodiscard]] SteadyTime NextAt(const Name& name);

  Loop& loop_;
  std::shared_ptr<Upstream> upstream_;
  OnEvent on_event_;
  std::vector<std::unique_ptr<Name>> names_;
  std::uint64_t successes_ = 0;
  std::uint64_t failures_ = 0;
  bool stopping_ = false;
  std::size_t running_ = 0;
};

}  // namespace sluice::traffic
