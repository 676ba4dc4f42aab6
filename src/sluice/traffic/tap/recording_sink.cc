#include "sluice/traffic/tap/recording_sink.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::traffic::tap {
namespace {

using wire::recording::Masker;
using wire::recording::Message;
using wire::recording::RecordedExchange;

// One transaction takes about so many: its cost is shared, and it is soon over.
constexpr std::size_t kGatheredMax = 4 * wire::recording::kBlockExchanges;
constexpr Bytes kGatheredBytesMax = wire::recording::kBlockBytes;
// A copy that a large body has made larger than this gives its memory back.
constexpr Bytes kKeptBytes = 16 * kKiB;

Bytes SizeOf(const RecordedExchange& exchange) {
  return exchange.request.head.size() + exchange.request.body.size() +
         exchange.response.head.size() + exchange.response.body.size();
}

void Clear(Message& message) {
  for (std::string* text : {&message.head, &message.body}) {
    text->clear();
    if (text->capacity() > kKeptBytes) text->shrink_to_fit();
  }
  message.body_bytes = 0;
  message.is_truncated = false;
  message.is_opaque = false;
}

}  // namespace

void ClearForReuse(RecordedExchange& copy) {
  Clear(copy.request);
  Clear(copy.response);
  for (std::string* text :
       {&copy.method, &copy.host, &copy.target, &copy.listener, &copy.route, &copy.upstream,
        &copy.endpoint, &copy.version, &copy.trace_id, &copy.span_id, &copy.parent_id})
    text->clear();
  copy.duration = Nanos(0);
  copy.upstream_duration = Nanos(0);
  copy.status = 0;
  copy.attempts = 0;
  copy.masked = 0;
}

RecordingSink::RecordingSink(const SinkOptions& options,
                             std::unique_ptr<archive::RecordingWriter> writer,
                             Masker masker)
    : path_(options.recording.path),
      options_(options),
      writer_(std::move(writer)),
      masker_(std::move(masker)) {}

RecordingSink::~RecordingSink() {
  WriteGathered();
}

Result<std::shared_ptr<RecordingSink>> RecordingSink::Open(const SinkOptions& options) {
  Result<Masker> masker = Masker::Create(options.mask, options.mask_key);
  if (!masker) return std::unexpected(masker.error());
  Result<std::unique_ptr<archive::RecordingWriter>> writer =
      archive::RecordingWriter::Open(options.recording);
  if (!writer) return std::unexpected(writer.error());
  std::shared_ptr<RecordingSink> sink(
      new RecordingSink(options, std::move(*writer), std::move(*masker)));
  sink->NoteMasking();
  sink->Note({});
  return sink;
}

// Lets an audit know by which rules this was masked; never the key.
void RecordingSink::NoteMasking() {
  const wire::recording::MaskOptions& mask = options_.mask;
  const std::pair<std::string_view, std::string> notes[] = {
      {"masking", mask.is_on ? "on" : "off"},
      {"masking.headers", fmt::format("{}", fmt::join(mask.headers, "\n"))},
      {"masking.fields", fmt::format("{}", fmt::join(mask.fields, "\n"))},
      {"masking.json_paths", fmt::format("{}", fmt::join(mask.json_paths, "\n"))},
      {"masking.card_numbers", mask.card_numbers ? "on" : "off"},
      {"masking.opaque_bodies",
       mask.opaque_bodies == wire::recording::OpaqueBodies::kDrop ? "drop" : "keep"}};
  for (const auto& [key, value] : notes) {
    const Result<void> noted = writer_->Note(key, value);
    if (!noted) Note(noted);
  }
}

Result<void> RecordingSink::Reconfigure(const SinkOptions& options) {
  Result<Masker> masker = Masker::Create(options.mask, options.mask_key);
  if (!masker) return std::unexpected(masker.error());
  const std::scoped_lock lock(mutex_);
  WriteGathered();  // Masked by the rules until now, and kept under the options until now.
  const bool reopens = writer_ == nullptr || options_.recording != options.recording;
  masker_ = std::move(*masker);
  options_ = options;
  if (reopens) {
    writer_.reset();  // Two connections of one process would wait for each other.
    Reopen();
  }
  if (writer_ == nullptr) {
    return Fail(
        ErrorCode::kInputOutput,
        fmt::format("the recording cannot be opened, and is tried again: {}", last_error()));
  }
  NoteMasking();
  return {};
}

void RecordingSink::Reopen() {
  Result<std::unique_ptr<archive::RecordingWriter>> writer =
      archive::RecordingWriter::Open(options_.recording);
  if (writer) {
    writer_ = std::move(*writer);
    return;
  }
  counts_.failures.fetch_add(1, std::memory_order_relaxed);
  SetLastError(writer.error().detail);
}

void RecordingSink::SetLastError(std::string detail) {
  const std::scoped_lock lock(error_mutex_);
  last_error_ = std::move(detail);
}

void RecordingSink::Write(TapBatch& batch) {
  const std::scoped_lock lock(mutex_);
  Gather(batch);
  const bool is_due = batch.ends_wait || gathered_ >= kGatheredMax ||
                      gathered_bytes_ >= kGatheredBytesMax ||
                      (gathered_ > 0 && batch.now - gathered_since_ >= options_.flush_interval);
  if (is_due) WriteGathered();
  if (batch.counts.empty() || writer_ == nullptr) return;
  Note(writer_->AddCounts(batch.counts));
  batch.counts.clear();
}

void RecordingSink::Gather(TapBatch& batch) {
  if (gathered_ == 0) gathered_since_ = batch.now;
  for (const std::unique_ptr<RecordedExchange>& copy : batch.copies) {
    masker_.Mask(*copy);
    counts_.masked.fetch_add(copy->masked, std::memory_order_relaxed);
    gathered_bytes_ += SizeOf(*copy);
    if (gathered_ == slots_.size()) slots_.emplace_back();
    std::swap(slots_[gathered_], *copy);
    ++gathered_;
    ClearForReuse(*copy);
  }
}

void RecordingSink::WriteGathered() {
  if (gathered_ == 0) return;
  if (writer_ == nullptr) {
    Reopen();
    if (writer_ != nullptr) NoteMasking();
  }
  if (writer_ == nullptr) {
    counts_.lost.fetch_add(gathered_, std::memory_order_relaxed);
    ClearGathered();
    return;
  }
  list_.clear();
  for (std::size_t i = 0; i < gathered_; ++i)
    list_.push_back(&slots_[i]);
  const Result<void> written = writer_->Append(list_);
  (written ? counts_.written : counts_.lost).fetch_add(gathered_, std::memory_order_relaxed);
  Note(written);
  ClearGathered();
}

void RecordingSink::ClearGathered() {
  for (std::size_t i = 0; i < gathered_; ++i)
    ClearForReuse(slots_[i]);
  gathered_ = 0;
  gathered_bytes_ = 0;
}

void RecordingSink::Note(const Result<void>& written) {
  if (!written) counts_.failures.fetch_add(1, std::memory_order_relaxed);
  SetLastError(written ? std::string() : written.error().detail);
  const archive::RecordingSize& size = writer_->size();
  counts_.evicted.store(size.evicted, std::memory_order_relaxed);
  counts_.stored.store(size.exchanges, std::memory_order_relaxed);
  counts_.bytes.store(size.bytes, std::memory_order_relaxed);
}

void RecordingSink::Flush() {
  const std::scoped_lock lock(mutex_);
  WriteGathered();
}

std::string RecordingSink::last_error() const {
  const std::scoped_lock lock(error_mutex_);
  return last_error_;
}

}  // namespace sluice::traffic::tap
