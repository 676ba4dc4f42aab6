// SocketStream: a TCP or Unix stream socket of an EpollLoop.
//
// Receives go straight into the loop's hot buffer; sends go straight to the kernel, and only what
// it does not take is copied (SpillQueue). Deadlines are stored in the operations; one timer per
// direction is armed at the earliest of them and moved only when it fires or when a deadline lies
// before it, so an ordinary request costs no timer work.
//
// Fair: an operation that would go above kOperationsPerTurn or kBytesPerTurn within one turn
// completes in the next one.
//
// Hang-ups: the end of the peer's direction (FIN) counts as hang-up, also when bytes before it were
// not received yet; a client that only closed its sending side looks the same.

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <sys/uio.h>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/timer.h"
#include "sluice/platform/linux/event_source.h"
#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/reactor.h"
#include "sluice/platform/linux/spill_queue.h"

namespace sluice::platform {

class SocketStream final : public Stream, private EventSource {
 public:
  // Operations that complete within the call, and bytes they move, per direction and turn.
  static constexpr std::uint16_t kOperationsPerTurn = 32;
  static constexpr Bytes kBytesPerTurn = 512 * kKiB;

  // Takes over a connected, non-blocking socket, as a listener accepts it. Fails with kInputOutput.
  static Result<std::unique_ptr<SocketStream>> Adopt(Reactor& reactor, OwnedFd fd, Address peer);

  // Begins to connect. True when it completed within the call; `operation.result` holds the stream
  // meanwhile.
  [[nodiscard]] static bool Connect(Reactor& reactor, ConnectOperation& operation);

  ~SocketStream() override;

  void Cancel() override;
  void ShutdownSend() override;
  void ResetOnClose() override;
  void WatchHangup(HangupWatcher* watcher) override;
  [[nodiscard]] bool MaybeReadable() const override { return readable_ || gone_; }
  [[nodiscard]] const Address& peer() const override { return peer_; }
  // Asks the kernel once, when first asked.
  [[nodiscard]] const Address& local() const override;

 protected:
  [[nodiscard]] bool Begin(ReceiveOperation& operation) override;
  [[nodiscard]] bool Begin(SendOperation& operation) override;

 private:
  enum class Progress : std::uint8_t { kDone, kBlocked };

  SocketStream(Reactor& reactor, OwnedFd fd, Address peer);

  void OnReady(std::uint32_t events) override;
  void FinishConnect();
  void FailConnect(Error error);

  [[nodiscard]] bool MayReceiveInTurn();
  [[nodiscard]] bool MaySendInTurn();
  void RefreshBudgets();

  Progress TryReceive(ReceiveOperation& operation);
  void ReceiveNow();
  void FailReceive(ErrorCode code);
  void TellHangup();

  Progress TrySend(SendOperation& operation);
  void Spill(std::span<const iovec> parts, std::span<const ByteView> segments, Bytes taken);
  void FlushSpill();
  void CompleteSend(Result<void> result);

  void ArmNoLaterThan(Timer& timer, SteadyTime deadline);
  static void OnReceiveTimer(Timer& timer, SteadyTime now);
  static void OnSendTimer(Timer& timer, SteadyTime now);

  Reactor& reactor_;
  OwnedFd fd_;
  bool readable_ = false;  // A receive may find something.
  bool gone_ = false;      // FIN, reset or error is known.
  bool ended_ = false;     // Nothing can be received any more.
  bool broken_ = false;    // By a reset or an error; there may still be bytes to receive.
  bool cancelled_ = false;
  bool finish_sending_ = false;  // ShutdownSend() came while bytes were waiting.
  bool send_done_ = false;       // The pending send only waits for the next turn.
  mutable bool local_known_ = false;
  std::uint16_t receives_in_turn_ = 0;
  std::uint16_t sends_in_turn_ = 0;
  std::uint32_t budget_turn_ = 0;
  std::uint32_t bytes_received_in_turn_ = 0;
  std::uint32_t bytes_sent_in_turn_ = 0;
  ReceiveOperation* receive_ = nullptr;
  SendOperation* send_ = nullptr;
  ConnectOperation* connect_ = nullptr;
  HangupWatcher* watcher_ = nullptr;
  SpillQueue spill_;
  Timer receive_timer_;
  Timer send_timer_;  // Also of connecting.
  Address peer_;
  mutable Address local_;
};

}  // namespace sluice::platform
