#include "sluice/warmup/load_corpus.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "sluice/traffic/archive/recording_reader.h"

namespace sluice::warmup {

using traffic::archive::RecordingList;
using traffic::archive::RecordingReader;

Result<LoadedCorpus> LoadCorpus(const std::string& path, const CorpusOptions& options) {
  Result<std::unique_ptr<RecordingReader>> reader = RecordingReader::Open(path);
  if (!reader) return std::unexpected(std::move(reader.error()));
  RecordingList list = (*reader)->List(
      {.direction = wire::recording::Direction::kIngress, .upstream = options.upstream});
  LoadedCorpus loaded{.unreadable = list.unreadable, .problems = std::move(list.problems)};
  CorpusBuilder builder(options, (*reader)->Counts());
  const std::size_t count = list.entries.size();
  std::size_t read = 0;
  for (std::size_t i = count - std::min(count, LoadedCorpus::kExchangesMax); i < count; ++i) {
    Result<wire::recording::RecordedExchange> exchange = (*reader)->Load(list.entries[i].id);
    if (exchange) {
      ++read;
      builder.Add(*exchange);
      continue;
    }
    ++loaded.unreadable;
    if (loaded.problems.size() < RecordingList::kProblemsMax)
      loaded.problems.push_back(std::move(exchange.error().detail));
  }
  if (read == 0 && loaded.unreadable > 0) {
    return Fail(
        ErrorCode::kBadResponse,
        fmt::format("{}: at least {} exchanges, and none can be read: {}", path, loaded.unreadable,
                    loaded.problems.empty() ? "damaged" : loaded.problems.front()));
  }
  loaded.corpus = builder.Finish();
  return loaded;
}

}  // namespace sluice::warmup
