// Client: one keep-alive connection that sends one request at a time and checks every answer.
//
// It never sends a request twice: a request that gets no answer is a failure, as it would be for a
// POST. Lives in the thread of its Poller.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "load/file_descriptor.h"
#include "load/message_io.h"
#include "load/messages.h"
#include "load/poller.h"
#include "load/tally.h"

#include "sluice/contract/address.h"

namespace sluice::load {

enum class Check : std::uint8_t {
  kFull,    // Number, length and every byte of a 200.
  kStatus,  // Only that the answer is whole: for upstreams other than ours.
};

struct ClientOptions {
  Address target;
  RequestOptions request;
  Check check = Check::kFull;
};

class Client;

// Why a connection ended.
enum class Closing : std::uint8_t {
  kIdle,       // By the target, between two requests: nothing was lost.
  kAnnounced,  // By "Connection: close", or because the request's own body was not taken.
  kFailure,    // OnFailure() has said which.
};

// Whoever runs the clients.
class ClientOwner {
 public:
  virtual ~ClientOwner() = default;
  virtual void OnIdle(Client& client) = 0;  // Connected, nothing in flight: may Send().
  virtual void OnAnswer(Client& client, int status, Nanos latency) = 0;
  virtual void OnFailure(Client& client, Failure failure) = 0;
  // Not connected any more: may Connect(), unless it was a failure to connect.
  virtual void OnDown(Client& client, Closing why) = 0;
};

class Client final : public Handler {
 public:
  // All three outlive the client.
  Client(Poller& poller, const ClientOptions& options, ClientOwner& owner);

  // Requires down(). Ends in OnIdle(), or in OnFailure(kConnect) and OnDown(), perhaps at once.
  void Connect();

  // Requires idle(). `due` is when the request should have gone out: latency counts from there.
  // Ends in exactly one OnAnswer() or OnFailure().
  void Send(std::uint64_t number, SteadyTime due);

  // Gives a request in flight up as `failure`. Requires waiting() or connecting().
  void Abort(Failure failure);

  void OnReady(std::uint32_t events) override;

  [[nodiscard]] bool down() const { return state_ == State::kDown; }
  [[nodiscard]] bool idle() const { return state_ == State::kIdle; }
  [[nodiscard]] bool waiting() const { return state_ == State::kWaiting; }
  [[nodiscard]] bool connecting() const { return state_ == State::kConnecting; }
  [[nodiscard]] SteadyTime since() const { return since_; }  // Of the connect or the request.
  // Of the last request.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] SteadyTime due() const { return due_; }

 private:
  enum class State : std::uint8_t { kDown, kConnecting, kIdle, kWaiting };

  void FinishConnect();
  void Receive(std::uint32_t events);
  // The three return false when the connection is over.
  bool Consume(std::string_view data);
  bool TakeHead(std::string_view& data);
  bool TakeBody(std::string_view& data);
  void Finish();
  void Fail(Failure failure);
  void OnPeerGone(ReadState how);
  void Flush();
  void GoDown(Closing why);

  Poller& poller_;
  const ClientOptions& options_;
  ClientOwner& owner_;
  RequestText request_;
  FileDescriptor fd_;
  State state_ = State::kDown;
  SteadyTime since_{};
  SteadyTime due_{};
  std::uint64_t number_ = 0;
  Outbox outbox_;
  HeadText head_;
  bool head_done_ = false;
  bool closes_ = false;
  int status_ = 0;
  std::size_t body_left_ = 0;
  std::size_t body_at_ = 0;
};

}  // namespace sluice::load
