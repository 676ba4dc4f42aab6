// sim::Stream: one end of a simulated connection, as its loop holds it.

#pragma once

#include "sluice/contract/stream.h"
#include "sluice/contract/timer.h"
#include "sluice/platform/sim/connection.h"

namespace sluice::sim {

class Loop;

class Stream final : public sluice::Stream {
 public:
  // Takes the place of `role` in `connection`, which outlives the stream.
  Stream(Connection& connection, Role role);
  ~Stream() override;

  void Cancel() override;
  void ShutdownSend() override;
  void ResetOnClose() override { reset_on_close_ = true; }
  void WatchHangup(HangupWatcher* watcher) override;
  [[nodiscard]] bool MaybeReadable() const override;
  [[nodiscard]] const Address& peer() const override {
    return connection_.end(Other(role_)).address;
  }
  [[nodiscard]] const Address& local() const override { return connection_.end(role_).address; }

  [[nodiscard]] std::size_t pending_operations() const {
    return (receive_ == nullptr ? 0U : 1U) + (send_ == nullptr ? 0U : 1U);
  }

  // From the connection. True when a receiver was told of the end or the reset. One that gets data
  // is resumed at once, and may destroy the stream.
  [[nodiscard]] bool OnReadable();
  void OnDrained();
  void OnReset();
  // Tells the watcher if the peer is gone and nobody receives; this may destroy the stream.
  void MaybeHangUp();

 protected:
  [[nodiscard]] bool Begin(ReceiveOperation& operation) override;
  [[nodiscard]] bool Begin(SendOperation& operation) override;

 private:
  [[nodiscard]] bool TryReceive(ReceiveOperation& operation);
  [[nodiscard]] bool PeerGone() const;
  void FinishReceive(Result<ByteView> result);
  void FinishSend(Result<void> result);
  static void OnReceiveDeadline(Timer& timer, SteadyTime now);
  static void OnSendDeadline(Timer& timer, SteadyTime now);

  Connection& connection_;
  Role role_;
  Loop& loop_;
  ReceiveOperation* receive_ = nullptr;
  SendOperation* send_ = nullptr;
  Timer receive_timer_;
  Timer send_timer_;
  HangupWatcher* watcher_ = nullptr;
  bool cancelled_ = false;
  bool reset_on_close_ = false;
};

}  // namespace sluice::sim
