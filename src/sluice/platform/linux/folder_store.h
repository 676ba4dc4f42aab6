// FolderStore: a FileStore in a real folder.
//
// The file appended to last stays open. Not thread-safe; see contract/file_store.h.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/file_store.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::platform {

class FolderStore final : public FileStore {
 public:
  // Makes the folder, and those above it, where they are missing (mode 0700). Fails with
  // kPermissionDenied, kInputOutput or kInvalidOption (it is no folder).
  [[nodiscard]] static Result<std::unique_ptr<FolderStore>> Open(const std::string& folder);

  [[nodiscard]] Result<std::vector<std::string>> List() override;
  [[nodiscard]] Result<std::string> Read(const std::string& name, Bytes bytes_max) override;
  [[nodiscard]] Result<void> Replace(const std::string& name, ByteView text) override;
  [[nodiscard]] Result<void> Append(const std::string& name,
                                    ByteView bytes,
                                    Durability durability) override;
  [[nodiscard]] Result<void> Truncate(const std::string& name, Bytes bytes) override;
  [[nodiscard]] Result<void> Remove(const std::string& name) override;

 private:
  explicit FolderStore(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }
  void SyncFolder() const;

  std::string folder_;
  std::string open_name_;
  OwnedFd open_;
};

}  // namespace sluice::platform
