// Address and the kernel's sockaddr.

#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"

namespace sluice::platform {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Fails with kInvalidOption when the path of a Unix socket is empty or longer than 107 bytes.
[[nodiscard]] Result<SocketAddress> ToSocketAddress(const Address& address);

// An unnamed Unix socket has an empty path; a family that we do not know is 0.0.0.0:0.
[[nodiscard]] Address FromSocketAddress(const SocketAddress& address);

// getsockname(2).
[[nodiscard]] Address LocalAddressOf(int fd);

}  // namespace sluice::platform
