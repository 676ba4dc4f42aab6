// Makes a corpus of a recording file. Blocking: not for loops.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/warmup/corpus.h"

namespace sluice::warmup {

struct LoadedCorpus {
  // Only so many of the newest exchanges are looked at.
  static constexpr std::size_t kExchangesMax = 200'000;

  Corpus corpus;
  std::uint64_t unreadable = 0;       // Exchanges that are lost; at least so many.
  std::vector<std::string> problems;  // The first of them, for people.
};

// Fails as RecordingReader::Open() does, and with kBadResponse where exchanges are there and none
// can be read. A recording without any gives an empty corpus.
[[nodiscard]] Result<LoadedCorpus> LoadCorpus(const std::string& path,
                                              const CorpusOptions& options);

}  // namespace sluice::warmup
