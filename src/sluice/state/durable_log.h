// DurableLog: what must be known after a restart: a snapshot, and the records since.
//
// Generations of two files in a FileStore: NAME.<g>.snapshot, the state before NAME.<g>.log. A
// compaction begins generation g+1 and keeps generation g, so that a snapshot that rots does not
// take everything with it. The snapshot's first line tells its length and checksum.
//
// After a crash a torn last record is dropped. A snapshot that cannot be read is replaced by the
// one before and its logs (kFellBack). A log damaged in its middle, or no way back to a beginning
// (kDamaged), means that records which were promised are lost: the caller must not go on as if
// nothing had been.
//
// Not thread-safe. The store must outlive it.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/file_store.h"
#include "sluice/contract/result.h"

namespace sluice::state {

enum class Health : std::uint8_t {
  kClean,     // Also: nothing was there.
  kTornTail,  // The last record was cut off.
  kFellBack,  // The newest snapshot could not be read; nothing is lost.
  kDamaged,   // Something is lost.
};
[[nodiscard]] std::string_view NameOf(Health health);

struct Recovered {
  std::string snapshot;              // Empty: none was ever made.
  std::vector<std::string> records;  // Since then, in order.
  Health health = Health::kClean;
  std::string detail;  // For people, where it is not clean.
};

class DurableLog {
 public:
  static constexpr Bytes kFileBytesMax = 256 * kMiB;

  // Reads what is there, and cuts a torn end off. `name` is a plain word. Fails only when the store
  // cannot be used at all; what is damaged is moved on from (a new generation) and told.
  struct Opened;
  [[nodiscard]] static Result<Opened> Open(FileStore& store, std::string name);

  // 1 .. kRecordBytesMax bytes. After a failure the log is as before.
  [[nodiscard]] Result<void> Append(ByteView record, Durability durability);

  // Replaces all records so far by `snapshot`. After a failure the log goes on as before.
  [[nodiscard]] Result<void> Compact(ByteView snapshot);

  // Of the log since the last compaction.
  [[nodiscard]] Bytes log_bytes() const { return bytes_; }

 private:
  DurableLog(FileStore& store, std::string name) : store_(&store), name_(std::move(name)) {}
  [[nodiscard]] std::string LogName(std::uint64_t generation) const;
  [[nodiscard]] std::string SnapshotName(std::uint64_t generation) const;
  [[nodiscard]] Result<Recovered> Recover();
  void RemoveBefore(std::uint64_t generation);

  FileStore* store_;
  std::string name_;
  std::uint64_t generation_ = 1;
  Bytes bytes_ = 0;
  bool has_torn_end_ = false;  // A failed append could not be undone yet.
};

struct DurableLog::Opened {
  std::unique_ptr<DurableLog> log;
  Recovered recovered;
};

}  // namespace sluice::state
