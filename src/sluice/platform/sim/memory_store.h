// MemoryStore: a FileStore in memory that can crash, fail and rot on demand.
//
// What was not synced may be gone after Crash(): the test says how much of it was written. Faults
// are of single calls, counted over all that change something.

#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "sluice/contract/file_store.h"

namespace sluice::sim {

class MemoryStore final : public FileStore {
 public:
  [[nodiscard]] Result<std::vector<std::string>> List() override;
  [[nodiscard]] Result<std::string> Read(const std::string& name, Bytes bytes_max) override;
  [[nodiscard]] Result<void> Replace(const std::string& name, ByteView text) override;
  [[nodiscard]] Result<void> Append(const std::string& name,
                                    ByteView bytes,
                                    Durability durability) override;
  [[nodiscard]] Result<void> Truncate(const std::string& name, Bytes bytes) override;
  [[nodiscard]] Result<void> Remove(const std::string& name) override;

  // The machine stops: of what was not synced, at most `kept` bytes a file are there afterwards.
  void Crash(Bytes kept);
  // The `calls`-th change from now on fails, and the ones after it, until Heal(). An append that
  // fails leaves `partial` of its bytes behind.
  void FailFrom(std::uint64_t calls, Bytes partial = 0);
  void Heal() { changes_left_ = kNoFault; }
  // The bits of `mask` in one byte turn over.
  void Rot(const std::string& name, Bytes offset, unsigned char mask);
  [[nodiscard]] Bytes SizeOf(const std::string& name) const;

 private:
  struct File {
    std::string text;
    Bytes synced = 0;
  };
  static constexpr std::uint64_t kNoFault = std::numeric_limits<std::uint64_t>::max();

  [[nodiscard]] bool Fails();

  std::map<std::string, File> files_;
  std::uint64_t changes_left_ = kNoFault;
  Bytes partial_ = 0;
};

}  // namespace sluice::sim
