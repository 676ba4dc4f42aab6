// sluice-relay: the floor of what proxying costs. Passes bytes between a client and an upstream
// without looking at them, one connection for one, in as few system calls as there can be.
//
//   sluice-relay LISTEN UPSTREAM        both "ip:port"; runs until it is ended
//
// What a gateway costs above this is what its reading, guarding and logging cost.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

#include "load/file_descriptor.h"
#include "load/poller.h"
#include "load/sockets.h"
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "sluice/contract/address.h"

namespace sluice::load {
namespace {

constexpr Nanos kWaitMax = std::chrono::seconds(1);

// One direction's reader: what arrives at its socket goes to the other.
class End final : public Handler {
 public:
  End(Poller& poller, FileDescriptor socket) : poller_(poller), socket_(std::move(socket)) {}

  void Join(std::shared_ptr<End> other) { other_ = std::move(other); }
  [[nodiscard]] int fd() const { return socket_.get(); }

  void OnReady(std::uint32_t events) override {
    if ((events & EPOLLIN) == 0 || other_ == nullptr) return;
    const std::span<char> buffer = poller_.receive_buffer();
    const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (got > 0 && SendAll(buffer.first(static_cast<std::size_t>(got)))) return;
    if (got < 0) return;  // Nothing there after all.
    socket_.Close();
    other_->socket_.Close();
  }

 private:
  // Waits in place where the kernel's buffer is full: only large answers come here.
  [[nodiscard]] bool SendAll(std::span<const char> bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(other_->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno != EAGAIN) return false;
      pollfd room{.fd = other_->fd(), .events = POLLOUT, .revents = 0};
      if (::poll(&room, 1, /*timeout=*/1000) <= 0) return false;
    }
    return true;
  }

  Poller& poller_;
  FileDescriptor socket_;
  std::shared_ptr<End> other_;  // Both keep each other for the life of the process.
};

class Door final : public Handler {
 public:
  Door(Poller& poller, FileDescriptor listening, Address upstream)
      : poller_(poller), listening_(std::move(listening)), upstream_(std::move(upstream)) {}

  [[nodiscard]] int fd() const { return listening_.get(); }

  void OnReady(std::uint32_t /*events*/) override {
    for (;;) {
      FileDescriptor client(::accept4(fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client.valid()) return;
      Result<FileDescriptor> upstream = StartConnect(upstream_);
      if (!upstream) continue;
      DisableNagle(client.get());
      auto near = std::make_shared<End>(poller_, std::move(client));
      auto far = std::make_shared<End>(poller_, std::move(*upstream));
      near->Join(far);
      far->Join(near);
      if (!poller_.Add(far->fd(), *far) || !poller_.Add(near->fd(), *near)) return;
    }
  }

 private:
  Poller& poller_;
  FileDescriptor listening_;
  Address upstream_;
};

int Complain(const Error& error) {
  fmt::print(stderr, "sluice-relay: {}\n", error.detail);
  return 2;
}

int Relay(std::string_view listen, std::string_view upstream) {
  const Result<Address> near = Address::Parse(listen);
  if (!near) return Complain(near.error());
  const Result<Address> far = Address::Parse(upstream);
  if (!far) return Complain(far.error());
  Result<Poller> poller = Poller::Create();
  if (!poller) return Complain(poller.error());
  Result<FileDescriptor> listening = Listen(*near);
  if (!listening) return Complain(listening.error());
  Door door(*poller, std::move(*listening), *far);
  if (const Result<void> added = poller->Add(door.fd(), door); !added) {
    return Complain(added.error());
  }
  for (;;)
    poller->Wait(kWaitMax);
}

}  // namespace
}  // namespace sluice::load

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: sluice-relay LISTEN UPSTREAM\n");
    return 2;
  }
  return sluice::load::Relay(argv[1], argv[2]);
}
