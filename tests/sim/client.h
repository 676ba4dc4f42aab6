// ClientConnection: one connection of a simulated client, and the exchanges on it, one at a time.
//
// Must not be destroyed while busy(); HangUp() ends what is under way in the turns to come.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/message_reader.h"
#include "tests/sim/scenario.h"

#include "sluice/contract/address.h"
#include "sluice/contract/event.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/world.h"

namespace sluice::scenario {

struct Answer {
  Ending ending = Ending::kNoAnswer;
  Message message;
  Nanos took{0};        // From the start, connecting included, to the last byte.
  bool closes = false;  // Known only where the exchange watched for it.
  std::string problem;  // Of kMalformed.
};

struct ExchangePlan {
  Address to;
  std::string method;
  std::string bytes;     // Head and body.
  Bytes head_bytes = 0;  // With awaits_continue: where the head ends.
  bool awaits_continue = false;
  bool is_raw = false;
  bool wants_answer = true;
  bool watches_close = false;  // After the answer: does the connection end?
  bool keeps = false;          // The connection is for the next exchange too.
  Bytes piece_bytes = 0;       // 0: all at once.
  Nanos piece_every{0};
  Bytes read_bytes = 0;  // 0: as much as comes.
  Nanos read_every{0};
  Nanos patience{0};
  std::optional<Nanos> hang_up_after;
};

// What goes over the wire for `send`, of its client `number` (from 1 on), which `{n}` stands for.
[[nodiscard]] ExchangePlan MakePlan(const SendRequests& send,
                                    const Address& to,
                                    Nanos patience,
                                    std::size_t number);

class ClientConnection {
 public:
  explicit ClientConnection(sim::Loop& loop) : loop_(loop), may_go_on_(loop) {}
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] sim::Loop& loop() { return loop_; }

  // One exchange, connecting first where need be. `answer` outlives it.
  [[nodiscard]] Task<void> Run(ExchangePlan plan, Answer& answer);

  // In a turn of the loop.
  void HangUp(bool reset);
  void EndSending();

 private:
  [[nodiscard]] Task<Ending> Exchange(const ExchangePlan& plan, SteadyTime start, Answer& answer);
  [[nodiscard]] Task<Ending> Connect(Address to, SteadyTime deadline);
  [[nodiscard]] Task<void> SendAll(const ExchangePlan& plan, SteadyTime deadline);
  [[nodiscard]] Task<Ending> ReadAnswer(const ExchangePlan& plan, SteadyTime start);
  [[nodiscard]] Task<bool> WatchClose();
  [[nodiscard]] bool MayReuse(const ExchangePlan& plan) const;

  sim::Loop& loop_;
  std::unique_ptr<Stream> stream_;
  MessageReader reader_{MessageReader::Side::kResponses};
  TaskGroup sender_;
  Event may_go_on_;  // A 100 (Continue), or a final answer, has come.
  bool busy_ = false;
  bool stops_sending_ = false;
  bool gave_up_ = false;
};

}  // namespace sluice::scenario
