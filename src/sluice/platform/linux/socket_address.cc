#include "sluice/platform/linux/socket_address.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace sluice::platform {
namespace {

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

Result<SocketAddress> FromPath(const std::string& path) {
  sockaddr_un unix_address{};
  if (path.empty() || path.size() >= sizeof(unix_address.sun_path)) {
    return Fail(ErrorCode::kInvalidOption, fmt::format("a unix path has 1..{} bytes, got `{}`",
                                                       sizeof(unix_address.sun_path) - 1, path));
  }
  unix_address.sun_family = AF_UNIX;
  std::memcpy(unix_address.sun_path, path.data(), path.size());
  SocketAddress result;
  std::memcpy(&result.storage, &unix_address, sizeof(unix_address));
  result.length = static_cast<socklen_t>(kPathOffset + path.size() + 1);
  return result;
}

}  // namespace

Result<SocketAddress> ToSocketAddress(const Address& address) {
  if (address.family() == Address::Family::kUnix) return FromPath(address.path());
  SocketAddress result;
  if (address.family() == Address::Family::kIpv4) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(address.port());
    std::memcpy(&ipv4.sin_addr, address.bytes().data(), sizeof(ipv4.sin_addr));
    std::memcpy(&result.storage, &ipv4, sizeof(ipv4));
    result.length = sizeof(ipv4);
  } else {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(address.port());
    std::memcpy(&ipv6.sin6_addr, address.bytes().data(), sizeof(ipv6.sin6_addr));
    std::memcpy(&result.storage, &ipv6, sizeof(ipv6));
    result.length = sizeof(ipv6);
  }
  return result;
}

Address FromSocketAddress(const SocketAddress& address) {
  switch (address.storage.ss_family) {
    case AF_INET: {
      sockaddr_in ipv4{};
      std::memcpy(&ipv4, &address.storage, sizeof(ipv4));
      std::array<std::uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &ipv4.sin_addr, bytes.size());
      return Address::Ipv4(bytes, ntohs(ipv4.sin_port));
    }
    case AF_INET6: {
      sockaddr_in6 ipv6{};
      std::memcpy(&ipv6, &address.storage, sizeof(ipv6));
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
      return Address::Ipv6(bytes, ntohs(ipv6.sin6_port));
    }
    case AF_UNIX: {
      sockaddr_un unix_address{};
      std::memcpy(&unix_address, &address.storage, sizeof(unix_address));
      const std::size_t named = std::max<std::size_t>(address.length, kPathOffset) - kPathOffset;
      const std::size_t path_max = std::min(named, sizeof(unix_address.sun_path));
      return Address::Unix({unix_address.sun_path, ::strnlen(unix_address.sun_path, path_max)});
    }
    default:
      return {};
  }
}

Address LocalAddressOf(int fd) {
  SocketAddress address;
  if (::getsockname(fd, address.get(), &address.length) != 0) return {};
  return FromSocketAddress(address);
}

}  // namespace sluice::platform
