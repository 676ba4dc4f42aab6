#include "open_recording.h"

#include <utility>

#include "exit_codes.h"
#include <fmt/format.h>

namespace sluice::app {

using traffic::archive::RecordingFilter;
using traffic::archive::RecordingReader;

std::expected<OpenRecording, int> OpenAndList(const std::string& file,
                                              const FilterOptions& options) {
  const Result<RecordingFilter> filter = FilterOf(options);
  if (!filter) {
    fmt::print(stderr, "sluice: {}\n", filter.error().detail);
    return std::unexpected(kUsage);
  }
  Result<std::unique_ptr<RecordingReader>> reader = RecordingReader::Open(file);
  if (!reader) {
    fmt::print(stderr, "sluice: {}\n", reader.error().detail);
    return std::unexpected(kUsage);
  }
  OpenRecording open{.reader = std::move(*reader), .list = {}};
  open.list = open.reader->List(*filter);
  if (open.list.unreadable == 0) return open;
  fmt::print(stderr, "sluice: {}: at least {} exchanges cannot be read:\n", file,
             open.list.unreadable);
  for (const std::string& problem : open.list.problems)
    fmt::print(stderr, "  {}\n", problem);
  if (open.list.entries.empty()) return std::unexpected(kUsage);
  return open;
}

void TellUnreadable(const Error& error) {
  fmt::print(stderr, "sluice: {}\n", error.detail);
}

}  // namespace sluice::app
