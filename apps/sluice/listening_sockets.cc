#include "listening_sockets.h"

#include <algorithm>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>

#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/port_check.h"
#include "sluice/platform/linux/socket_listener.h"

namespace sluice::app {
namespace {

Result<std::unique_ptr<Listener>> AsListener(
    Result<std::unique_ptr<platform::SocketListener>> socket) {
  if (!socket) return std::unexpected(std::move(socket.error()));
  return std::unique_ptr<Listener>(std::move(*socket));
}

// An identity as a name that can be handed over, in which ':' and ';' separate things.
std::string NameOf(const std::string& identity) {
  std::string name;
  for (const char byte : identity) {
    if (byte == ':' || byte == ';' || byte == '%') {
      fmt::format_to(std::back_inserter(name), "%{:02x}", static_cast<unsigned char>(byte));
    } else {
      name += byte;
    }
  }
  return name;
}

}  // namespace

ListeningSockets::ListeningSockets(platform::InheritedListeners inherited)
    : inherited_(std::move(inherited)) {}

Result<std::unique_ptr<Listener>> ListeningSockets::Open(Loop& loop,
                                                         const std::string& identity,
                                                         const Address& address,
                                                         std::size_t worker) {
  auto& epoll_loop = static_cast<platform::EpollLoop&>(loop);
  const std::scoped_lock lock(mutex_);
  Result<std::unique_ptr<platform::SocketListener>> socket =
      Fail(ErrorCode::kNotFound, "no socket yet");
  platform::OwnedFd inherited = inherited_.Take(NameOf(identity), static_cast<unsigned>(worker));
  const auto first = opened_.find(Key(identity, 0));
  if (inherited) {
    socket = epoll_loop.Adopt(std::move(inherited));
  } else if (address.family() == Address::Family::kUnix && worker > 0 && first != opened_.end()) {
    platform::OwnedFd copy(::fcntl(first->second.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return Fail(ErrorCode::kOutOfDescriptors, "cannot duplicate a listening socket");
    socket = epoll_loop.Adopt(std::move(copy), platform::SocketFile::kTheirs);
  } else {
    // Sharing the port with our own workers would share it with anybody else of this user, too.
    const Result<void> is_free = worker == 0 ? platform::CheckPortIsFree(address) : Result<void>();
    if (!is_free) return std::unexpected(is_free.error());
    socket = epoll_loop.ListenSocket(address, {.share_port = true});
  }
  if (!socket) return AsListener(std::move(socket));
  Result<platform::OwnedFd> copy = (*socket)->Duplicate();
  if (!copy) return std::unexpected(std::move(copy.error()));
  opened_.insert_or_assign(Key(identity, worker), std::move(*copy));
  return AsListener(std::move(socket));
}

void ListeningSockets::KeepOnly(const std::vector<std::string>& identities) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(opened_, [&identities, this](const auto& entry) {
    if (entry.first.first == kAdminSocket) return false;  // In force as long as the process is.
    const bool stays = std::ranges::find(identities, entry.first.first) != identities.end();
    if (!stays && !is_handed_over_) platform::StopHandshakes(entry.second.get());
    return !stays;
  });
}

std::vector<platform::HandedSocket> ListeningSockets::ForSuccessor() {
  const std::scoped_lock lock(mutex_);
  std::vector<platform::HandedSocket> sockets;
  for (const auto& [key, fd] : opened_) {
    sockets.push_back(
        {.name = NameOf(key.first), .worker = static_cast<unsigned>(key.second), .fd = fd.get()});
  }
  return sockets;
}

void ListeningSockets::NoteSuccessor() {
  const std::scoped_lock lock(mutex_);
  is_handed_over_ = true;
}

bool ListeningSockets::has_predecessor() {
  const std::scoped_lock lock(mutex_);
  return inherited_.has_predecessor();
}

void ListeningSockets::ReportReady() {
  const std::scoped_lock lock(mutex_);
  inherited_.ReportReady();
}

}  // namespace sluice::app
