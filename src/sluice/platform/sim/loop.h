// sim::Loop: a contract Loop in simulated time. Made by World::AddLoop(), which owns it.
//
// Every event of the world is a turn of one loop: it binds the loop's run queue, does one thing,
// drains the queue, and then all views that were received in the turn are dead: their memory is
// overwritten with 0xDD (and poisoned under AddressSanitizer) unless KeepReceiveBuffer() kept it.
// Timers fire exactly when they are due.
// Everything, Post() too, belongs to the world's thread: another thread would make two runs differ.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/platform/sim/resolver.h"

namespace sluice::sim {

class Listener;
class Network;
class Stream;
class World;

struct LoopOptions {
  std::string name = {};                                     // For people; "loop-0" when empty.
  Address host = Address::Ipv4({127, 0, 0, 1}, /*port=*/0);  // Where its connects come from.
};

class Loop final : public sluice::Loop, private ReceiveBufferOwner {
 public:
  Loop(World& world, std::uint32_t number, LoopOptions options, std::uint64_t seed);
  ~Loop() override;

  [[nodiscard]] SteadyTime now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  void Arm(Timer& timer, SteadyTime due) override;
  void Disarm(Timer& timer) override;
  void Post(std::move_only_function<void()> work) override;
  [[nodiscard]] Random& random() override { return random_; }
  [[nodiscard]] sluice::Resolver& resolver() override { return resolver_; }
  // A wildcard address (0.0.0.0, [::]) stands for the loop's host. Port 0 is allotted by the world.
  [[nodiscard]] Result<std::unique_ptr<sluice::Listener>> Listen(
      const Address& address, const ListenOptions& options) override;
  // Asserts that a Receive() filled a buffer in this turn and that it is not kept already.
  [[nodiscard]] ReceiveBuffer KeepReceiveBuffer() override;
  [[nodiscard]] std::size_t kept_buffers() const override { return kept_.size(); }

  // From outside any turn (a test's body): runs `work` as a turn of this loop, now.
  template <typename Work>
  void Enter(Work&& work) {
    BeginTurn();
    {
      const RunQueue::Binding binding(queue_);
      std::forward<Work>(work)();
      queue_.Drain();
    }
    EndTurn();
  }

  // Ends the loop: what was or will be posted is destroyed unrun. Timers and streams live on, so
  // that owners can be destroyed in order.
  void Stop();

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const Address& host() const { return options_.host; }
  [[nodiscard]] std::uint32_t number() const { return number_; }
  // Streams made by this loop, accepted or connected, and not yet destroyed.
  [[nodiscard]] std::size_t open_streams() const { return open_streams_; }

 protected:
  [[nodiscard]] bool Begin(ConnectOperation& operation) override;

 private:
  friend class World;
  friend class Connection;
  friend class Connector;
  friend class Network;
  friend class Stream;
  friend class Listener;

  struct Buffer;

  [[nodiscard]] bool HasDescriptor() const { return open_streams_ + connecting_ < streams_max_; }
  void BeginTurn();
  void EndTurn();
  static void RunPosted(void* loop, std::uint64_t detail);
  // Room for the next receive of this turn; what the last one filled is dead from here on. Of the
  // room only the first `bytes` that FilledReceiveBuffer() is told live.
  [[nodiscard]] std::span<char> NextReceiveBuffer(std::size_t bytes_max);
  void FilledReceiveBuffer(std::size_t bytes);
  void KillLastView();
  void ReleaseReceiveBuffer(char* buffer) override;

  World& world_;
  std::uint32_t number_;
  LoopOptions options_;
  Random random_;
  Resolver resolver_;
  RunQueue queue_;
  bool in_turn_ = false;
  bool stopped_ = false;
  std::deque<std::move_only_function<void()>> posted_;
  std::unique_ptr<Buffer> last_filled_;
  std::vector<std::unique_ptr<Buffer>> spare_;
  std::vector<std::unique_ptr<Buffer>> kept_;
  std::size_t open_streams_ = 0;
  std::size_t connecting_ = 0;
  std::size_t streams_max_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace sluice::sim
