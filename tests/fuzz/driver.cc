// Runs a libFuzzer harness without libFuzzer: every file of the corpus, then seeded mutations of
// them. Finds less than libFuzzer, but everywhere and in every test run.
//
//   fuzz_x [--seed=N] [--runs=N] CORPUS_DIRECTORY…
//
// A failure prints the seed and the run, which repeat it exactly.

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// There when a sanitizer is linked: it does not die by a signal.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using sluice::Random;

constexpr std::size_t kInputMax = 64 * 1024;

// What breaks parsers of HTTP.
constexpr std::array<std::string_view, 24> kMorsels{"\r\n",
                                                    "\r",
                                                    "\n",
                                                    "\r\n\r\n",
                                                    " ",
                                                    "\t",
                                                    ":",
                                                    ";",
                                                    ",",
                                                    "%2e",
                                                    "%2F",
                                                    "/../",
                                                    "\x7f",
                                                    "\x80",
                                                    "0",
                                                    "ffffffffffffffff",
                                                    "\"",
                                                    "\\",
                                                    "chunked",
                                                    "0\r\n\r\n",
                                                    "Content-Length: 1\r\n",
                                                    "Transfer-Encoding: chunked\r\n",
                                                    " HTTP/1.1\r\n",
                                                    "Connection: upgrade, x\r\n"};

struct Campaign {
  std::uint64_t seed = 1;
  std::uint64_t runs = 0;
  std::vector<std::string> corpus;
};

// For the report of whatever aborts below.
std::uint64_t current_run = 0;
std::uint64_t current_seed = 0;

void Report() {
  std::fprintf(stderr, "fuzz: failed at --seed=%llu run %llu\n",
               static_cast<unsigned long long>(current_seed),
               static_cast<unsigned long long>(current_run));
}

void Run(const std::string& input) {
  // A copy of its own size, so that AddressSanitizer sees a read behind its end.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::size_t At(Random& random, const std::string& input) {
  return static_cast<std::size_t>(random.Below(input.size() + 1));
}

void Mutate(std::string& input, const std::vector<std::string>& corpus, Random& random) {
  const std::size_t at = At(random, input);
  const std::size_t size =
      std::min<std::size_t>(static_cast<std::size_t>(random.Below(16)), input.size() - at);
  switch (random.Below(7)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(random.Below(256));
      return;
    case 1:
      if (at < input.size()) {
        const auto bit = static_cast<unsigned>(random.Below(8));
        input[at] = static_cast<char>(static_cast<unsigned char>(input[at]) ^ (1U << bit));
      }
      return;
    case 2:
      input.erase(at, size);
      return;
    case 3:
      input.insert(at, std::string(input, at, size));
      return;
    case 4:
      input.insert(at, kMorsels[static_cast<std::size_t>(random.Below(kMorsels.size()))]);
      return;
    case 5:
      input.insert(at, static_cast<std::size_t>(random.Below(300)), static_cast<char>('a' + size));
      return;
    default: {
      const std::string& other = corpus[static_cast<std::size_t>(random.Below(corpus.size()))];
      const std::size_t from = At(random, other);
      input = input.substr(0, at) + other.substr(from);
    }
  }
}

bool ReadNumber(std::string_view argument, std::string_view name, std::uint64_t& number) {
  if (!argument.starts_with(name)) return false;
  argument.remove_prefix(name.size());
  const char* end = argument.data() + argument.size();
  return std::from_chars(argument.data(), end, number).ptr == end;
}

void ReadCorpus(const std::filesystem::path& directory, std::vector<std::string>& corpus) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  // The order of a directory is not the same everywhere; the seed must mean the same.
  std::ranges::sort(files);
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
}

}  // namespace

int main(int argc, char** argv) {
  Campaign campaign{.runs = 6'000};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (ReadNumber(argument, "--seed=", campaign.seed)) continue;
    if (ReadNumber(argument, "--runs=", campaign.runs)) continue;
    if (!std::filesystem::is_directory(argument)) {
      std::fprintf(stderr, "usage: %s [--seed=N] [--runs=N] CORPUS_DIRECTORY...\n", argv[0]);
      return 2;
    }
    ReadCorpus(argument, campaign.corpus);
  }
  if (campaign.corpus.empty()) {
    std::fprintf(stderr, "no corpus: give a directory with at least one file\n");
    return 2;
  }
  std::printf("%zu files, --seed=%llu --runs=%llu\n", campaign.corpus.size(),
              static_cast<unsigned long long>(campaign.seed),
              static_cast<unsigned long long>(campaign.runs));
  std::fflush(stdout);
  current_seed = campaign.seed;
  std::signal(SIGABRT, [](int) { Report(); });
  if (&__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(&Report);
  for (const std::string& input : campaign.corpus)
    Run(input);
  Random random(campaign.seed);
  for (current_run = 1; current_run <= campaign.runs; ++current_run) {
    std::string input =
        campaign.corpus[static_cast<std::size_t>(random.Below(campaign.corpus.size()))];
    const std::uint64_t mutations = 1 + random.Below(4);
    for (std::uint64_t i = 0; i < mutations; ++i)
      Mutate(input, campaign.corpus, random);
    if (input.size() > kInputMax) input.resize(kInputMax);
    Run(input);
  }
  return 0;
}
