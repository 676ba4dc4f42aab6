// Connector: connects under way, from the first packet to the answer or the deadline.
//
// A first packet that is lost (silence, a full backlog) is sent again after 1 s, 2 s, 4 s, 8 s, …,
// as TCP does. Connects to Unix addresses are answered within the call, as the kernel does.
// Internal to the simulation.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "sluice/contract/loop.h"

namespace sluice::sim {

class Connection;
class Loop;
class Network;
struct Site;

class Connector {
 public:
  explicit Connector(Network& network) : network_(network) {}
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // True when it completed within the call.
  [[nodiscard]] bool Begin(Loop& loop, ConnectOperation& operation);

  [[nodiscard]] std::size_t under_way() const { return attempts_.size(); }

 private:
  struct Attempt {
    Attempt(Connector& its_connector, std::uint64_t its_number, Loop& its_loop, Site& its_site)
        : connector(its_connector),
          number(its_number),
          loop(its_loop),
          site(its_site),
          deadline(&OnDeadline, this) {}

    Connector& connector;
    std::uint64_t number;
    Loop& loop;
    Site& site;
    Timer deadline;
    ConnectOperation* operation = nullptr;
    std::uint64_t connection = 0;  // Its number, once the server has taken it.
    int lost = 0;
  };

  enum class Answer : std::uint8_t { kTaken, kRefused, kLost };

  [[nodiscard]] Answer Knock(Attempt& attempt);
  void Retry(Attempt& attempt);
  [[nodiscard]] Attempt* Find(std::uint64_t number);
  // The attempt is gone then; the caller resumes the operation or says that it is complete.
  ConnectOperation& Conclude(Attempt& attempt, Result<std::unique_ptr<Stream>> result);
  ConnectOperation& ConcludeTaken(Attempt& attempt);

  static void OnFirstPacket(void* connector, std::uint64_t number);
  static void OnTaken(void* connector, std::uint64_t number);
  static void OnRefused(void* connector, std::uint64_t number);
  static void OnDeadline(Timer& timer, SteadyTime now);

  Network& network_;
  std::map<std::uint64_t, std::unique_ptr<Attempt>> attempts_;
  std::uint64_t next_number_ = 1;
};

}  // namespace sluice::sim
