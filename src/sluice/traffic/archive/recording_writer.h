// RecordingWriter: appends exchanges to a recording, and lets go of the oldest.
//
// Each Append() is one transaction: it is there whole or not at all, also after a crash. What was
// appended survives the end of the process however it comes (the journal is in the kernel's hands);
// of a machine that loses power the last moments may be lost, never what was before. The file opens
// in any case. Two processes may write one recording: while one takes over from the other, say.
//
// Blocking; one thread at a time.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/archive/database.h"
#include "sluice/wire/recording/block.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::traffic::archive {

struct RecordingOptions {
  std::string path;
  Bytes bytes_max = 1024 * kMiB;  // 1 MiB ..; beyond it the oldest blocks go.
  Nanos age_max =
      std::chrono::hours(168);     // Above 0: what began so long before those appended goes.
  std::string creator = "sluice";  // Said in the file.

  friend bool operator==(const RecordingOptions&, const RecordingOptions&) = default;
};

// How many exchanges of one kind there were, and how many of them were kept.
struct ClassCount {
  std::string route;
  std::string method;
  int status_class = 0;  // 1 .. 5; 0: no status.
  std::uint64_t seen = 0;
  std::uint64_t kept = 0;
};

struct RecordingSize {
  std::uint64_t exchanges = 0;
  Bytes bytes = 0;            // Of the file in use.
  std::uint64_t evicted = 0;  // Exchanges let go since it was opened.
};

class RecordingWriter {
 public:
  static constexpr Bytes kBytesMin = kMiB;

  // Makes the file, or goes on with a recording. Fails with kInvalidOption where the file is
  // something else or of a later schema, kNotFound (the folder), kPermissionDenied, kInputOutput.
  [[nodiscard]] static Result<std::unique_ptr<RecordingWriter>> Open(
      const RecordingOptions& options);
  // Merges the journal into the file, which then is one file.
  ~RecordingWriter();
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  // All of `exchanges`, or on failure (kInputOutput: the disk is full, …) none.
  [[nodiscard]] Result<void> Append(
      std::span<const wire::recording::RecordedExchange* const> exchanges);

  // Adds to what is known of each kind.
  [[nodiscard]] Result<void> AddCounts(std::span<const ClassCount> counts);

  // Says something about the recording; replaces what was said under `key`.
  [[nodiscard]] Result<void> Note(std::string_view key, std::string_view value);

  [[nodiscard]] const RecordingSize& size() const { return size_; }

 private:
  struct Statements {
    Statement insert_block;
    Statement insert_exchange;
    Statement last_exchange;
    Statement last_block;
    Statement oldest_block;
    Statement delete_exchanges;
    Statement delete_block;
    Statement add_count;
    Statement note;
    Statement pages;
    Statement free_pages;
  };
  class Transaction;

  RecordingWriter(const RecordingOptions& options, Database database);
  [[nodiscard]] Result<void> Prepare();
  [[nodiscard]] Result<void> FindEnds();
  [[nodiscard]] Result<void> AppendBlock(
      std::span<const wire::recording::RecordedExchange* const> exchanges);
  [[nodiscard]] Result<void> Evict();
  [[nodiscard]] Result<bool> EvictOldest(WallTime begun_before);
  [[nodiscard]] Result<void> Measure();

  RecordingOptions options_;
  Database database_;
  Statements statements_;
  wire::recording::BlockPacker packer_;
  std::string content_;
  std::string block_;
  std::int64_t next_exchange_ = 1;
  std::int64_t next_block_ = 1;
  std::int64_t page_bytes_ = 0;
  WallTime newest_{};  // Of what is being appended.
  RecordingSize size_;
};

}  // namespace sluice::traffic::archive
