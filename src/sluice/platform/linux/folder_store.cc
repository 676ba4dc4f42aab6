#include "sluice/platform/linux/folder_store.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr unsigned kFileMode = 0600;
constexpr unsigned kFolderMode = 0700;

}  // namespace

Result<std::unique_ptr<FolderStore>> FolderStore::Open(const std::string& folder) {
  std::error_code error;
  const bool was_made = std::filesystem::create_directories(folder, error);
  if (error) return FailErrno(error.value(), "create the folder", folder);
  if (was_made) ::chmod(folder.c_str(), kFolderMode);
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return FailErrno(errno, "use the folder", folder);
  }
  return std::unique_ptr<FolderStore>(new FolderStore(folder));
}

void FolderStore::SyncFolder() const {
  const OwnedFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

Result<std::vector<std::string>> FolderStore::List() {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder_, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error))
    names.push_back(entries->path().filename().string());
  if (error) return FailErrno(error.value(), "list", folder_);
  std::ranges::sort(names);
  return names;
}

Result<std::string> FolderStore::Read(const std::string& name, Bytes bytes_max) {
  return ReadWholeFile(PathOf(name), bytes_max);
}

Result<void> FolderStore::Replace(const std::string& name, ByteView text) {
  if (name == open_name_) open_.Close();
  return WriteFileAtomically(PathOf(name), text, kFileMode);
}

Result<void> FolderStore::Append(const std::string& name, ByteView bytes, Durability durability) {
  if (name != open_name_ || !open_) {
    const bool is_new = ::access(PathOf(name).c_str(), F_OK) != 0;
    open_ =
        OwnedFd(::open(PathOf(name).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kFileMode));
    if (!open_) return FailErrno(errno, "open", PathOf(name));
    open_name_ = name;
    if (is_new) SyncFolder();  // The name itself is safe only when its folder is.
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(open_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(errno, "write", PathOf(name));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (durability == Durability::kSynced && ::fdatasync(open_.get()) != 0) {
    return FailErrno(errno, "sync", PathOf(name));
  }
  return {};
}

Result<void> FolderStore::Truncate(const std::string& name, Bytes bytes) {
  const OwnedFd fd(::open(PathOf(name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return FailErrno(errno, "open", PathOf(name));
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0 || ::fsync(fd.get()) != 0) {
    return FailErrno(errno, "truncate", PathOf(name));
  }
  return {};
}

Result<void> FolderStore::Remove(const std::string& name) {
  if (name == open_name_) open_.Close();
  if (::unlink(PathOf(name).c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, "remove", PathOf(name));
  }
  return {};
}

}  // namespace sluice::platform
