#include "sluice/platform/linux/service_manager.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {

Result<void> NotifyServiceManager(std::string_view state) {
  const char* variable = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): read only.
  if (variable == nullptr || *variable == '\0') return {};
  const std::string_view path = variable;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((path[0] != '/' && path[0] != '@') || path.size() >= sizeof(address.sun_path)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("NOTIFY_SOCKET must be a path or an abstract name, got `{}`", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // An abstract name begins with a null byte.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const OwnedFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno(errno, "socket");
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address), length);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return Fail(ErrorCode::kInputOutput,
                DescribeErrno(errno, "notify the service manager at", path));
  }
  return {};
}

}  // namespace sluice::platform
