// The two verbs that bring recordings out and in.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exit_codes.h"
#include "open_recording.h"
#include "record.h"
#include "recording_place.h"
#include "version.h"
#include <fmt/format.h>

#include "sluice/platform/linux/files.h"
#include "sluice/traffic/archive/recording_writer.h"
#include "sluice/wire/recording/curl_command.h"
#include "sluice/wire/recording/gor.h"
#include "sluice/wire/recording/har.h"
#include "sluice/wire/recording/masker.h"

namespace sluice::app {
namespace {

using traffic::archive::RecordingEntry;
using traffic::archive::RecordingOptions;
using traffic::archive::RecordingWriter;
using wire::recording::Imported;
using wire::recording::Masker;
using wire::recording::RecordedExchange;

constexpr Bytes kImportBytesMax = 4096 * kMiB;
constexpr Bytes kNoBound = kMiB * kMiB;
// Exchanges in one transaction.
constexpr std::size_t kChunk = 256;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// A recording of what was chosen or read in: of any age.
Result<std::unique_ptr<RecordingWriter>> OpenWriter(const std::string& path) {
  return RecordingWriter::Open({.path = path,
                                .bytes_max = kNoBound,
                                .age_max = Nanos::max(),
                                .creator = fmt::format("sluice {}", kVersion)});
}

Result<void> Append(RecordingWriter& writer, const std::vector<RecordedExchange>& exchanges) {
  std::vector<const RecordedExchange*> list;
  list.reserve(exchanges.size());
  for (const RecordedExchange& exchange : exchanges)
    list.push_back(&exchange);
  return writer.Append(list);
}

// Where text goes: a file, or stdout.
class TextOutput {
 public:
  explicit TextOutput(const std::string& path) {
    if (path.empty()) return;
    file_.reset(std::fopen(path.c_str(), "wb"));
    is_open_ = file_ != nullptr;
  }
  [[nodiscard]] bool is_open() const { return is_open_; }
  void Write(std::string_view text) {
    std::FILE* const to = file_ == nullptr ? stdout : file_.get();
    is_written_ = std::fwrite(text.data(), 1, text.size(), to) == text.size() && is_written_;
  }
  // False when some of it could not be written.
  [[nodiscard]] bool Finish() {
    std::FILE* const to = file_ == nullptr ? stdout : file_.get();
    return std::fflush(to) == 0 && is_written_;
  }

 private:
  File file_;
  bool is_open_ = true;
  bool is_written_ = true;
};

// Counts what was brought over, and says so.
int Report(std::uint64_t done, std::uint64_t unreadable, std::string_view what) {
  fmt::print(stderr, "{} exchanges {}", done, what);
  if (unreadable > 0) fmt::print(stderr, ", {} could not be read", unreadable);
  fmt::print(stderr, "\n");
  return done == 0 && unreadable > 0 ? kUsage : kSuccess;
}

int ExportText(const RecordOptions& options, OpenRecording& open) {
  TextOutput output(options.output);
  if (!output.is_open()) {
    fmt::print(stderr, "sluice: cannot write {}\n", options.output);
    return kUsage;
  }
  const bool is_har = options.format == "har";
  std::string text;
  if (is_har) wire::recording::AppendHarBegin(kVersion, text);
  std::uint64_t done = 0;
  std::uint64_t unreadable = open.list.unreadable;
  for (const RecordingEntry& entry : open.list.entries) {
    const Result<RecordedExchange> exchange = open.reader->Load(entry.id);
    if (!exchange) {
      TellUnreadable(exchange.error());
      ++unreadable;
      continue;
    }
    if (is_har) {
      const bool is_first = done == 0;
      AppendHarEntry(
          *exchange,
          is_first ? wire::recording::HarPlace::kFirst : wire::recording::HarPlace::kFurther, text);
    } else {
      text += CurlCommand(*exchange) + "\n";
    }
    ++done;
    output.Write(text);
    text.clear();
  }
  if (is_har) wire::recording::AppendHarEnd(text);
  output.Write(text);
  if (!output.Finish()) {
    fmt::print(stderr, "sluice: not all could be written\n");
    return kUnreachable;
  }
  return Report(done, unreadable, "exported");
}

int ExportRecording(const RecordOptions& options, OpenRecording& open) {
  if (options.output.empty()) {
    fmt::print(stderr, "sluice: --format sluice needs --output\n");
    return kUsage;
  }
  Result<std::unique_ptr<RecordingWriter>> writer = OpenWriter(options.output);
  if (!writer) {
    fmt::print(stderr, "sluice: {}\n", writer.error().detail);
    return kUsage;
  }
  for (const std::string_view key :
       {"masking", "masking.headers", "masking.fields", "masking.json_paths",
        "masking.card_numbers", "masking.opaque_bodies"}) {
    const Result<void> noted = (*writer)->Note(key, open.reader->NoteOf(key));
    if (!noted) TellUnreadable(noted.error());
  }
  std::uint64_t done = 0;
  std::uint64_t unreadable = open.list.unreadable;
  std::vector<RecordedExchange> chunk;
  for (std::size_t i = 0; i < open.list.entries.size(); ++i) {
    Result<RecordedExchange> exchange = open.reader->Load(open.list.entries[i].id);
    if (exchange) {
      chunk.push_back(std::move(*exchange));
      ++done;
    } else {
      TellUnreadable(exchange.error());
      ++unreadable;
    }
    if (chunk.size() < kChunk && i + 1 < open.list.entries.size()) continue;
    const Result<void> written = Append(**writer, chunk);
    if (!written) {
      fmt::print(stderr, "sluice: {}\n", written.error().detail);
      return kUnreachable;
    }
    chunk.clear();
  }
  return Report(done, unreadable, "exported");
}

// By what a file begins with, not by what it is called.
Result<Imported> ReadForeign(const std::string& path) {
  const Result<std::string> text = platform::ReadWholeFile(path, kImportBytesMax);
  if (!text) {
    return Fail(text.error().code, fmt::format("cannot read {}: {}", path, text.error().detail));
  }
  const std::size_t first = text->find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const bool is_har = first != std::string::npos && (*text)[first] == '{';
  return is_har ? wire::recording::ReadHar(*text) : wire::recording::ReadGor(*text);
}

}  // namespace

int RecordExport(const RecordOptions& options) {
  std::expected<OpenRecording, int> open = OpenAndList(options.file, options.filter);
  if (!open) return open.error();
  if (options.limit > 0 && static_cast<std::size_t>(options.limit) < open->list.entries.size())
    open->list.entries.resize(static_cast<std::size_t>(options.limit));
  if (options.format == "sluice") return ExportRecording(options, *open);
  return ExportText(options, *open);
}

int RecordImport(const RecordOptions& options) {
  const Result<wire::recording::KeyedHash::Key> key = MaskingKey(options.masking_key);
  if (!key) {
    fmt::print(stderr, "sluice: --masking-key: {}\n", key.error().detail);
    return kUsage;
  }
  const Result<Masker> masker = Masker::Create({.is_on = !options.no_masking}, *key);
  Result<std::unique_ptr<RecordingWriter>> writer = OpenWriter(options.file);
  if (!masker || !writer) {
    const Error& error = masker ? writer.error() : masker.error();
    fmt::print(stderr, "sluice: {}\n", error.detail);
    return kUsage;
  }
  std::uint64_t done = 0;
  std::uint64_t unreadable = 0;
  for (const std::string& input : options.inputs) {
    Result<Imported> imported = ReadForeign(input);
    if (!imported) {
      fmt::print(stderr, "sluice: {}\n", imported.error().detail);
      return kUsage;
    }
    for (const std::string& problem : imported->problems)
      fmt::print(stderr, "sluice: {}: {}\n", input, problem);
    for (RecordedExchange& exchange : imported->exchanges)
      masker->Mask(exchange);
    const Result<void> written = Append(**writer, imported->exchanges);
    if (!written) {
      fmt::print(stderr, "sluice: {}\n", written.error().detail);
      return kUnreachable;
    }
    done += imported->exchanges.size();
    unreadable += imported->unreadable;
  }
  const Result<void> noted = (*writer)->Note("masking", options.no_masking ? "off" : "on");
  if (!noted) TellUnreadable(noted.error());
  return Report(done, unreadable, "imported");
}

}  // namespace sluice::app
