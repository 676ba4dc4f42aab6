// RecordingSink: where copies become a recording: masked, gathered, written.
//
// Masking is the first thing that happens to a copy here, before anything is kept; what is gathered
// for the next transaction is masked already. A write that fails costs its exchanges, counted, and
// the next one tries again.
//
// Thread-safe: threads of a worker pool call it, one at a time gets in; the counts are read by any.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/archive/recording_writer.h"
#include "sluice/wire/recording/masker.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::traffic::tap {

struct SinkOptions {
  archive::RecordingOptions recording;
  wire::recording::MaskOptions mask;
  wire::recording::KeyedHash::Key mask_key{};
  Nanos flush_interval = std::chrono::seconds(1);  // What a crash may cost at most.
};

struct SinkCounts {
  std::atomic<std::uint64_t> written{0};   // Exchanges.
  std::atomic<std::uint64_t> lost{0};      // Exchanges that could not be written.
  std::atomic<std::uint64_t> failures{0};  // Writes that failed.
  std::atomic<std::uint64_t> masked{0};    // Values.
  std::atomic<std::uint64_t> evicted{0};   // Exchanges let go for size or age.
  std::atomic<std::uint64_t> stored{0};    // Exchanges in the file.
  std::atomic<std::uint64_t> bytes{0};     // Of the file.
};

// What one worker hands over at once.
struct TapBatch {
  std::vector<std::unique_ptr<wire::recording::RecordedExchange>> copies;
  std::vector<archive::ClassCount> counts;
  SteadyTime now{};        // When it was handed over.
  bool ends_wait = false;  // Nothing more may come for a while: write what was gathered.
};

class RecordingSink {
 public:
  // Opens the recording; fails as RecordingWriter::Open() and Masker::Create().
  [[nodiscard]] static Result<std::shared_ptr<RecordingSink>> Open(const SinkOptions& options);
  // Writes what was gathered.
  ~RecordingSink();
  RecordingSink(const RecordingSink&) = delete;
  RecordingSink& operator=(const RecordingSink&) = delete;

  // Masks what comes from now on by other rules. Fails as Masker::Create(), and then nothing has
  // changed. Opens the file anew only where its options differ; where it cannot (kInputOutput) the
  // rules hold all the same, and each later write tries again. The path must be the same.
  [[nodiscard]] Result<void> Reconfigure(const SinkOptions& options);

  // Takes the copies' content; the copies come back empty, with memory to fill again. Blocks.
  void Write(TapBatch& batch);
  // Writes what was gathered.
  void Flush();

  [[nodiscard]] const SinkCounts& counts() const { return counts_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Of the last write that failed; empty: none did since the last that went well.
  [[nodiscard]] std::string last_error() const;

 private:
  RecordingSink(const SinkOptions& options,
                std::unique_ptr<archive::RecordingWriter> writer,
                wire::recording::Masker masker);
  void Gather(TapBatch& batch);
  void WriteGathered();
  void ClearGathered();
  void Reopen();
  void SetLastError(std::string detail);
  void NoteMasking();
  void Note(const Result<void>& written);

  const std::string path_;
  SinkCounts counts_;
  mutable std::mutex mutex_;
  SinkOptions options_;
  std::unique_ptr<archive::RecordingWriter> writer_;
  wire::recording::Masker masker_;
  // The first `gathered_` are full; the others only have memory.
  std::vector<wire::recording::RecordedExchange> slots_;
  std::size_t gathered_ = 0;
  Bytes gathered_bytes_ = 0;
  SteadyTime gathered_since_{};
  std::vector<const wire::recording::RecordedExchange*> list_;
  mutable std::mutex error_mutex_;  // Of its own: who asks must not wait for the disk.
  std::string last_error_;
};

// Empties a copy and keeps the memory of its texts, unless a large message has made it large.
void ClearForReuse(wire::recording::RecordedExchange& copy);

}  // namespace sluice::traffic::tap
