#include "sluice/platform/linux/system_error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace sluice::platform {

ErrorCode CodeOf(int error_number) {
  switch (error_number) {
    case EADDRINUSE:
      return ErrorCode::kAddressInUse;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case EMFILE:
    case ENFILE:
      return ErrorCode::kOutOfDescriptors;
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case ECONNRESET:
    case EPIPE:
      return ErrorCode::kConnectionReset;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
      return ErrorCode::kConnectFailed;
    case ETIMEDOUT:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kInputOutput;
  }
}

std::string DescribeErrno(int error_number, std::string_view doing, std::string_view what) {
  const char* text = ::strerrordesc_np(error_number);
  return fmt::format("{}{}{}: {}", doing, what.empty() ? "" : " ", what,
                     text != nullptr ? text : "unknown error");
}

std::unexpected<Error> FailErrno(int error_number, std::string_view doing, std::string_view what) {
  return Fail(CodeOf(error_number), DescribeErrno(error_number, doing, what));
}

}  // namespace sluice::platform
