// FileStore: one folder of files that are appended to or replaced, and outlive a crash.
//
// For what must be known after a restart; small files, read whole. Every call blocks until the
// kernel has done it, so it is for loops that may wait for a disk (the control loop), never for
// requests. `platform/linux` keeps a real folder, `platform/sim` one in memory, with faults.
//
// Not thread-safe.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"

namespace sluice {

// kSynced: on the disk when the call returns. kWritten: survives the end of this process, but
// perhaps not that of the machine.
enum class Durability : std::uint8_t { kWritten, kSynced };

class FileStore {
 public:
  FileStore() = default;
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;
  virtual ~FileStore() = default;

  // The files' names, in order.
  [[nodiscard]] virtual Result<std::vector<std::string>> List() = 0;
  // Fails with kNotFound, or kInvalidOption above `bytes_max`.
  [[nodiscard]] virtual Result<std::string> Read(const std::string& name, Bytes bytes_max) = 0;
  // Readers, and whoever comes after a crash, see the old or the new text, never a mixture. Synced.
  [[nodiscard]] virtual Result<void> Replace(const std::string& name, ByteView text) = 0;
  // Creates the file when there is none. After a failure some of `bytes` may stand there.
  [[nodiscard]] virtual Result<void> Append(const std::string& name,
                                            ByteView bytes,
                                            Durability durability) = 0;
  // Cuts the file to its first `bytes`. Synced.
  [[nodiscard]] virtual Result<void> Truncate(const std::string& name, Bytes bytes) = 0;
  // Fine where there is none.
  [[nodiscard]] virtual Result<void> Remove(const std::string& name) = 0;
};

}  // namespace sluice
