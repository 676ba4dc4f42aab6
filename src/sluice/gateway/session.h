// Session: one client connection, from accept to close; it serves one request after another.
//
// While idle it holds a socket and nothing else; with the first byte of a request it takes an
// Exchange from its worker's pool. Requests that a client pipelines are served in order: the next
// one is not looked at before the last is answered.
//
// Belongs to one loop; lives inside the worker's task (worker.cc), which awaits Run().

#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/worker_listener.h"

namespace sluice::gateway {

class Worker;

class Session final : private HangupWatcher {
 public:
  Session(Worker& worker, WorkerListener& listener, std::unique_ptr<Stream> stream);
  ~Session();

  // Serves until either side ends the connection.
  [[nodiscard]] Task<void> Run();

  // Ends the connection at once: pending operations fail, an exchange under way is given up.
  void Abort();

  // What the exchange under way holds in memory; 0: there is none.
  [[nodiscard]] Bytes HeldBytes() const;
  // Ends the exchange under way, which must be, and its connection.
  void Shed();

  // Ends it in order, where no exchange is under way: what was sent arrives.
  void End();

  // A request is under way, from its complete head to the end of its answer.
  [[nodiscard]] bool is_answering() const {
    return exchange_ != nullptr && static_cast<bool>(exchange_->snapshot);
  }
  [[nodiscard]] bool is_idle() const { return exchange_ == nullptr; }
  [[nodiscard]] SteadyTime idle_since() const { return idle_since_; }

  std::size_t position = 0;  // In the worker's list; the worker's own.

 private:
  enum class HeadOutcome : std::uint8_t { kIncomplete, kComplete, kEnded, kRefused };

  [[nodiscard]] Task<HeadOutcome> ReadHead();
  [[nodiscard]] Task<void> Serve();
  [[nodiscard]] Task<void> LingerBeforeClose();
  void TakeExchange();
  void Adopt();
  void GiveExchangeBack();
  void FinishRequest();
  [[nodiscard]] HeadOutcome Feed(ByteView bytes);
  void OnHangup() override;

  Worker& worker_;
  WorkerListener& listener_;
  std::unique_ptr<Stream> stream_;
  std::uint64_t connection_id_;
  std::string peer_text_;  // The other end without port, as logs and X-Forwarded-For show it.
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Error> refusal_;  // Why the head was refused.
  SteadyTime idle_since_{};
  SteadyTime head_started_{};
  bool goes_on_ = true;
  bool must_linger_ = false;
};

}  // namespace sluice::gateway
