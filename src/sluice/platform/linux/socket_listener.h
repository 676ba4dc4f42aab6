// SocketListener: a listening TCP or Unix socket of an EpollLoop.
//
// Accepts at most kAcceptsPerTurn connections per turn. After Cancel() what waits in the kernel's
// queue is still given out, then kCancelled: so that ending loses no connection. When descriptors
// run out it pauses for kPause, counts that, and tries again; it never spins.
//
// Unix sockets: the file of a dead process is replaced, one that somebody listens on is
// kAddressInUse. The file is unlinked at the end unless it was handed over or is no longer ours.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/timer.h"
#include "sluice/platform/linux/event_source.h"
#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/reactor.h"

namespace sluice::platform {

// Who unlinks the file of a Unix socket.
enum class SocketFile : std::uint8_t { kOurs, kTheirs };

// Makes the kernel take no further connection for a listening TCP socket that is about to be
// closed: between the last accept and the close one more handshake could complete, to be reset. Who
// connects now tries again a second later and is refused, having sent nothing. Concerns every
// duplicate of the socket, also one in another process; does nothing for Unix sockets.
void StopHandshakes(int fd);

class SocketListener final : public Listener, private EventSource {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Nanos kPause{std::chrono::milliseconds(100)};

  // Fails with kAddressInUse, kPermissionDenied, kInvalidOption or kOutOfDescriptors.
  static Result<std::unique_ptr<SocketListener>> Listen(Reactor& reactor,
                                                        const Address& address,
                                                        const ListenOptions& options);
  // Takes over a socket that listens already. Fails with kInvalidOption when it does not.
  static Result<std::unique_ptr<SocketListener>> Adopt(Reactor& reactor,
                                                       OwnedFd fd,
                                                       SocketFile file);
  ~SocketListener() override;

  // `listener` as this type. Requires that a loop of this platform made it.
  [[nodiscard]] static SocketListener& Of(Listener& listener) {
    return static_cast<SocketListener&>(listener);
  }

  // For a successor (handover.h) or, duplicated, for another loop's Adopt(). Borrowed.
  [[nodiscard]] int fd() const { return fd_.get(); }

  // A duplicate, for Adopt(…, SocketFile::kTheirs) on another loop: how several loops accept from
  // one Unix socket, which has no SO_REUSEPORT. Fails with kOutOfDescriptors.
  [[nodiscard]] Result<OwnedFd> Duplicate() const;

  // The file of a Unix socket belongs to somebody else now: it stays when this listener closes.
  void KeepFile() { file_ = SocketFile::kTheirs; }

  void Cancel() override;
  [[nodiscard]] const Address& local() const override { return local_; }
  [[nodiscard]] std::uint64_t pauses_total() const override { return pauses_total_; }

 protected:
  [[nodiscard]] bool Begin(AcceptOperation& operation) override;

 private:
  SocketListener(Reactor& reactor, OwnedFd fd, Address local);
  static Result<std::unique_ptr<SocketListener>> Start(Reactor& reactor,
                                                       OwnedFd fd,
                                                       SocketFile file);

  void OnReady(std::uint32_t events) override;
  void NoteFile(SocketFile file);
  void Continue();
  bool TryAccept(AcceptOperation& operation);
  OwnedFd AcceptSocket(Address& peer);
  void Pause();
  [[nodiscard]] bool IsDescriptorFree() const;
  void Complete();
  [[nodiscard]] bool TakeBudget();
  static void OnPauseTimer(Timer& timer, SteadyTime now);

  Reactor& reactor_;
  OwnedFd fd_;
  Address local_;
  AcceptOperation* accept_ = nullptr;
  Timer pause_timer_;
  std::uint64_t pauses_total_ = 0;
  std::uint64_t file_device_ = 0;
  std::uint64_t file_inode_ = 0;
  std::uint32_t budget_turn_ = 0;
  int accepts_in_turn_ = 0;
  bool ready_ = true;
  SocketFile file_ = SocketFile::kTheirs;
  bool cancelled_ = false;
};

}  // namespace sluice::platform
