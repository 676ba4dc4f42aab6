// sim::Listener: a place in the simulated network where connections are taken.

#pragma once

#include <cstdint>
#include <deque>

#include "sluice/contract/stream.h"
#include "sluice/platform/sim/connection.h"

namespace sluice::sim {

class Loop;
class Network;
struct Site;

class Listener final : public sluice::Listener {
 public:
  struct Place {
    Site* site = nullptr;
    Address asked;  // With its real port.
    std::size_t backlog_max = 0;
    bool shares_port = false;
  };

  Listener(Network& network, Loop& loop, std::uint64_t number, Place place);
  ~Listener() override;

  void Cancel() override;
  [[nodiscard]] const Address& local() const override { return place_.asked; }
  [[nodiscard]] std::uint64_t pauses_total() const override { return pauses_total_; }

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] Site& site() { return *place_.site; }
  [[nodiscard]] bool shares_port() const { return place_.shares_port; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] std::size_t pending_operations() const { return accept_ == nullptr ? 0 : 1; }

  [[nodiscard]] bool has_room() const {
    return shaking_hands_.size() + acceptable_.size() < place_.backlog_max;
  }
  // Takes `connection` into the backlog. OnAcceptable() is told when its handshake is complete.
  void Enqueue(Connection& connection) { shaking_hands_.push_back(&connection); }
  // The oldest handshake is complete.
  void OnAcceptable();
  void OnDescriptorFree();

 protected:
  [[nodiscard]] bool Begin(AcceptOperation& operation) override;

 private:
  [[nodiscard]] bool TryAccept(AcceptOperation& operation);
  void Finish();

  Network& network_;
  Loop& loop_;
  std::uint64_t number_;
  Place place_;
  AcceptOperation* accept_ = nullptr;
  std::deque<Connection*> shaking_hands_;
  std::deque<Connection*> acceptable_;
  bool cancelled_ = false;
  bool paused_ = false;
  std::uint64_t pauses_total_ = 0;
};

}  // namespace sluice::sim
