#include "load/sockets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace sluice::load {
namespace {

constexpr int kBacklog = 4096;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::string Said(const char* call, int error) {
  return std::string(call) + ": " + std::generic_category().message(error);
}

Result<SocketAddress> ToSocketAddress(const Address& address) {
  SocketAddress out;
  switch (address.family()) {
    case Address::Family::kIpv4: {
      auto* in = reinterpret_cast<sockaddr_in*>(&out.storage);
      in->sin_family = AF_INET;
      in->sin_port = htons(address.port());
      std::memcpy(&in->sin_addr, address.bytes().data(), sizeof(in->sin_addr));
      out.length = sizeof(sockaddr_in);
      return out;
    }
    case Address::Family::kIpv6: {
      auto* in = reinterpret_cast<sockaddr_in6*>(&out.storage);
      in->sin6_family = AF_INET6;
      in->sin6_port = htons(address.port());
      std::memcpy(&in->sin6_addr, address.bytes().data(), sizeof(in->sin6_addr));
      out.length = sizeof(sockaddr_in6);
      return out;
    }
    case Address::Family::kUnix: {
      auto* un = reinterpret_cast<sockaddr_un*>(&out.storage);
      un->sun_family = AF_UNIX;
      if (address.path().size() >= sizeof(un->sun_path)) {
        return Fail(ErrorCode::kInvalidOption, "path of the Unix socket is too long");
      }
      std::copy(address.path().begin(), address.path().end(), un->sun_path);
      const std::size_t length = offsetof(sockaddr_un, sun_path) + address.path().size() + 1;
      out.length = static_cast<socklen_t>(length);
      return out;
    }
  }
  return Fail(ErrorCode::kInvalidOption, "unknown address family");
}

Result<FileDescriptor> OpenSocket(const SocketAddress& address) {
  FileDescriptor fd(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    const ErrorCode code =
        errno == EMFILE || errno == ENFILE ? ErrorCode::kOutOfDescriptors : ErrorCode::kInputOutput;
    return Fail(code, Said("socket", errno));
  }
  return fd;
}

}  // namespace

Result<FileDescriptor> Listen(const Address& address) {
  Result<SocketAddress> where = ToSocketAddress(address);
  if (!where) return std::unexpected(where.error());
  Result<FileDescriptor> fd = OpenSocket(*where);
  if (!fd) return fd;
  const int on = 1;
  ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd->get(), where->get(), where->length) != 0) {
    const ErrorCode code = errno == EADDRINUSE ? ErrorCode::kAddressInUse : ErrorCode::kInputOutput;
    return Fail(code, Said("bind", errno));
  }
  if (::listen(fd->get(), kBacklog) != 0) {
    return Fail(ErrorCode::kInputOutput, Said("listen", errno));
  }
  return fd;
}

Result<FileDescriptor> StartConnect(const Address& address) {
  Result<SocketAddress> where = ToSocketAddress(address);
  if (!where) return std::unexpected(where.error());
  Result<FileDescriptor> fd = OpenSocket(*where);
  if (!fd) return fd;
  DisableNagle(fd->get());
  if (::connect(fd->get(), where->get(), where->length) != 0 && errno != EINPROGRESS) {
    return Fail(ErrorCode::kConnectFailed, Said("connect", errno));
  }
  return fd;
}

Result<Address> LocalAddress(int fd) {
  SocketAddress local;
  if (::getsockname(fd, local.get(), &local.length) != 0) {
    return Fail(ErrorCode::kInputOutput, Said("getsockname", errno));
  }
  if (local.storage.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&local.storage);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &in->sin_addr, bytes.size());
    return Address::Ipv4(bytes, ntohs(in->sin_port));
  }
  if (local.storage.ss_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&local.storage);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in->sin6_addr, bytes.size());
    return Address::Ipv6(bytes, ntohs(in->sin6_port));
  }
  if (local.storage.ss_family == AF_UNIX) {
    return Address::Unix(reinterpret_cast<const sockaddr_un*>(&local.storage)->sun_path);
  }
  return Fail(ErrorCode::kInputOutput, "not an internet or Unix socket");
}

int PendingError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

void DisableNagle(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace sluice::load
