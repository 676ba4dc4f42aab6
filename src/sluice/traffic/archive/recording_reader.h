// RecordingReader: what is in a recording, also in one that is being written or was damaged.
//
// First the list of what matches, in the order in which it began; then one exchange after another.
// A damaged file gives what can be read of it, and an account of the rest.
//
// Blocking; one thread at a time.

#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/archive/database.h"
#include "sluice/traffic/archive/recording_writer.h"
#include "sluice/traffic/archive/schema.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::traffic::archive {

// Which exchanges; what is not set fits all.
struct RecordingFilter {
  std::optional<wire::recording::Direction> direction;
  std::string route;
  std::string upstream;
  std::string method;
  std::string host;
  std::string path_prefix;  // Of the target.
  std::string trace_id;
  int status_min = 0;
  int status_max = 999;
  WallTime since = WallTime::min();
  WallTime until = WallTime::max();  // Not included.
  Nanos duration_min{0};
  std::string text;  // Somewhere in heads or bodies, byte by byte.
};

// By everything but `text`.
[[nodiscard]] bool MatchesIndex(const RecordingFilter& filter,
                                const wire::recording::RecordedExchange& exchange);
[[nodiscard]] bool MatchesText(const RecordingFilter& filter,
                               const wire::recording::RecordedExchange& exchange);

struct RecordingEntry {
  std::int64_t id = 0;
  WallTime started{};
  std::uint64_t sequence = 0;
};

struct RecordingList {
  static constexpr std::size_t kProblemsMax = 10;

  std::vector<RecordingEntry> entries;
  std::uint64_t unreadable = 0;  // Exchanges that are lost; at least so many.
  std::vector<std::string> problems;
};

class RecordingReader {
 public:
  // Fails with kNotFound, kPermissionDenied, kInvalidOption (no recording, or of a later schema) or
  // kInputOutput.
  [[nodiscard]] static Result<std::unique_ptr<RecordingReader>> Open(const std::string& path);
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  [[nodiscard]] RecordingList List(const RecordingFilter& filter);

  // The whole exchange, or without heads and bodies. Fails with kNotFound, or kBadResponse where
  // the file is damaged.
  [[nodiscard]] Result<wire::recording::RecordedExchange> Load(std::int64_t id);
  [[nodiscard]] Result<wire::recording::RecordedExchange> LoadIndex(std::int64_t id);

  // What was counted, by route, method and class of status. Empty where it cannot be read.
  [[nodiscard]] std::vector<ClassCount> Counts();
  // What the writer has said about the recording; empty when nothing under `key`.
  [[nodiscard]] std::string NoteOf(std::string_view key);

 private:
  // Unpacked blocks, the one used last first.
  struct CachedBlock {
    std::int64_t id = 0;
    std::string content;
  };
  static constexpr std::size_t kCachedMax = 8;

  explicit RecordingReader(Database database) : database_(std::move(database)) {}
  [[nodiscard]] Result<wire::recording::RecordedExchange> LoadRow(std::int64_t id,
                                                                  ExchangeRow& row);
  [[nodiscard]] Result<const std::string*> BlockContent(std::int64_t id);
  class Listing;

  Database database_;
  Statement select_row_;    // Prepared when first asked.
  Statement select_block_;  // Likewise.
  std::list<CachedBlock> cached_;
};

}  // namespace sluice::traffic::archive
