#include "sluice/platform/linux/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

// 0, or an errno.
int WriteAll(int fd, ByteView text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int WriteAndSync(int fd, ByteView text, unsigned mode) {
  if (::fchmod(fd, mode) != 0) return errno;
  if (const int error_number = WriteAll(fd, text); error_number != 0) return error_number;
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> ReadWholeFile(const std::string& path, Bytes bytes_max) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno(errno, "open", path);
  std::string text;
  // Small at first: files of /proc are read all the time, and room is cleared before it is used.
  constexpr Bytes kStepBytesMin = 4 * kKiB;
  constexpr Bytes kStepBytesMax = 64 * kKiB;
  while (true) {
    const Bytes had = text.size();
    const Bytes step = std::clamp(had, kStepBytesMin, kStepBytesMax);
    text.resize(had + step);
    const ssize_t got = ::read(fd.get(), text.data() + had, step);
    const int error_number = errno;
    text.resize(had + static_cast<Bytes>(got > 0 ? got : 0));
    if (got == 0) return text;
    if (got < 0 && error_number != EINTR) return FailErrno(error_number, "read", path);
    if (text.size() > bytes_max) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("{} has more than {} bytes", path, bytes_max));
    }
  }
}

Result<void> WriteFileAtomically(const std::string& path, ByteView text, unsigned mode) {
  std::string draft = path + ".XXXXXX";
  const OwnedFd fd(::mkostemp(draft.data(), O_CLOEXEC));
  if (!fd) return FailErrno(errno, "create a file beside", path);
  int error_number = WriteAndSync(fd.get(), text, mode);
  if (error_number == 0 && ::rename(draft.c_str(), path.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(draft.c_str());
    return FailErrno(error_number, "write", path);
  }
  // The name itself is safe only when its folder is.
  const OwnedFd folder(::open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
  return {};
}

}  // namespace sluice::platform
