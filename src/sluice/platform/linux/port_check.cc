#include "sluice/platform/linux/port_check.h"

#include <cerrno>

#include <sys/socket.h>

#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/socket_address.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {

Result<void> CheckPortIsFree(const Address& address) {
  if (address.family() == Address::Family::kUnix || address.port() == 0) return {};
  const Result<SocketAddress> target = ToSocketAddress(address);
  if (!target) return std::unexpected(target.error());
  const OwnedFd fd(::socket(target->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno(errno, "make a socket for", address.ToString());
  // As the real one: connections of a predecessor that linger in TIME_WAIT do not matter.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), target->get(), target->length) == 0) return {};
  return FailErrno(errno, "listen on", address.ToString());
}

}  // namespace sluice::platform
