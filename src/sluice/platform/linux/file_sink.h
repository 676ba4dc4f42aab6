// FileSink: a file that loops append lines to and a thread of its own writes.
//
// Append() takes a lock for the length of a swap, never for the length of a write. Above the bound
// of bytes in flight it refuses, so a slow disk costs lines, not requests. What cannot be written
// (disk full) is dropped and counted. Buffers go round, so steady state allocates nothing.
//
// Thread-safe: any thread may call anything.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/contract/byte_sink.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::platform {

struct FileSinkOptions {
  Bytes in_flight_max = 8 * kMiB;  // Appended and not yet written. At least one buffer is taken.
  unsigned mode = 0640;            // Of a file that is created.
};

class FileSink final : public ByteSink {
 public:
  // Opens `path` to append, and creates it. "stdout" and "stderr" are these two. Fails with
  // kPermissionDenied, kNotFound (the folder), kOutOfDescriptors or kInputOutput.
  static Result<std::unique_ptr<FileSink>> Open(std::string path,
                                                const FileSinkOptions& options = {});
  // Writes everything, then closes.
  ~FileSink() override;

  [[nodiscard]] bool Append(std::string& buffer) override;

  // What is appended from now on goes to a newly opened file of the same path, for log rotation. A
  // failure keeps the old file and is counted. Does nothing for stdout and stderr.
  void Reopen();

  // Waits until all that was appended before is written. Not for loop threads.
  void Flush();

  // Bytes dropped because writing failed; those that Append() refused are the caller's to count.
  [[nodiscard]] std::uint64_t lost_bytes_total() const { return lost_bytes_.load(); }
  [[nodiscard]] std::uint64_t failures_total() const { return failures_.load(); }

 private:
  // An empty text is the order to reopen.
  using Batch = std::vector<std::string>;

  FileSink(std::string path, OwnedFd fd, const FileSinkOptions& options);
  void WriteLoop();
  void WriteBatch(const Batch& batch);
  void Recycle(Batch& batch);
  void WriteAll(ByteView text);
  void OpenAgain();

  const std::string path_;
  const FileSinkOptions options_;
  const bool standard_;  // stdout or stderr: borrowed, never reopened.
  OwnedFd fd_;           // Only the writer touches it.
  std::atomic<std::uint64_t> lost_bytes_{0};
  std::atomic<std::uint64_t> failures_{0};

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable written_;
  Batch queue_;
  Batch free_;
  Bytes in_flight_ = 0;
  std::uint64_t appended_ = 0;  // Entries ever queued, and how many of them are done.
  std::uint64_t done_ = 0;
  bool stopping_ = false;
  std::jthread writer_;
};

}  // namespace sluice::platform
