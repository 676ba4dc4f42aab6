#include "sluice/gateway/recordings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::gateway {
namespace {

using traffic::tap::RecordingSink;
using traffic::tap::SinkOptions;
using traffic::tap::TapQueueOptions;

constexpr std::string_view kKeyFile = "masking.key";

std::string InDataDir(const config::Config& config, std::string_view path) {
  if (path.starts_with('/') || config.data_dir.empty()) return std::string(path);
  return fmt::format("{}/{}", config.data_dir, path);
}

TapQueueOptions QueueOptionsOf(const config::RecordConfig& record, std::size_t workers) {
  const auto share = [workers](std::int64_t whole) {
    return static_cast<std::size_t>(whole) / workers +
           (static_cast<std::size_t>(whole) % workers > 0 ? 1 : 0);
  };
  return {.bytes_max = record.max_queue_bytes / workers,
          .flush_interval = record.flush_interval,
          .sampler = {.class_quota = share(record.reservoir.per_class),
                      .class_window = record.reservoir.window,
                      .per_second_max = static_cast<double>(record.max_per_second) /
                                        static_cast<double>(workers)}};
}

SinkOptions SinkOptionsOf(const config::RecordConfig& record, const RecordingPlace& place) {
  const config::MaskingConfig& masking = record.masking;
  return {.recording = {.path = place.path,
                        .bytes_max = record.max_bytes,
                        .age_max = record.max_age,
                        .creator = "sluice"},
          .mask = {.is_on = masking.enabled,
                   .headers = masking.headers,
                   .fields = masking.fields,
                   .json_paths = masking.json_paths,
                   .card_numbers = masking.card_numbers,
                   .opaque_bodies = masking.opaque_bodies == config::OpaqueBodies::kKeep
                                        ? wire::recording::OpaqueBodies::kKeep
                                        : wire::recording::OpaqueBodies::kDrop},
          .mask_key = place.mask_key,
          .flush_interval = record.flush_interval};
}

std::unexpected<Error> CannotRecord(std::string detail) {
  return Fail(ErrorCode::kInvalidConfig, std::move(detail));
}

}  // namespace

Recordings::Recordings(WorkerPool* pool,
                       PrepareRecording prepare,
                       std::function<void(std::string_view)> log)
    : pool_(pool), prepare_(std::move(prepare)), log_(std::move(log)) {}

Result<Recordings::Plan> Recordings::Prepare(const config::Config& config, std::size_t workers) {
  Plan plan;
  if (!config.record) return plan;
  if (pool_ == nullptr || !prepare_) return CannotRecord("record: this process cannot record");
  const config::RecordConfig& record = *config.record;
  const std::string key_file =
      record.masking.key_file.empty() ? InDataDir(config, kKeyFile) : record.masking.key_file;
  Result<RecordingPlace> place = prepare_(InDataDir(config, record.path), key_file);
  if (!place) return CannotRecord(fmt::format("record: {}", place.error().detail));
  plan.options = SinkOptionsOf(record, *place);
  plan.queue = QueueOptionsOf(record, workers);
  if (sink_ != nullptr && sink_->path() == place->path) {
    plan.sink = sink_;
    return plan;
  }
  Result<std::shared_ptr<RecordingSink>> opened = RecordingSink::Open(*plan.options);
  if (!opened) {
    return CannotRecord(
        fmt::format("record.path: cannot record into {}: {}", place->path, opened.error().detail));
  }
  plan.sink = std::move(*opened);
  plan.is_new = true;
  return plan;
}

void Recordings::Commit(Plan plan) {
  ForgetRetired();
  if (sink_ != nullptr && sink_ != plan.sink) {
    log_(fmt::format("recording_ended path={}", sink_->path()));
    retired_.push_back(std::move(sink_));
  }
  sink_ = std::move(plan.sink);
  if (sink_ == nullptr) return;
  if (plan.is_new) {
    log_(fmt::format("recording_started path={} masking={}", sink_->path(),
                     plan.options->mask.is_on ? "on" : "off"));
  } else {
    const Result<void> done = sink_->Reconfigure(*plan.options);
    if (!done) log_(fmt::format("recording_failed error=\"{}\"", done.error().detail));
  }
  options_ = std::move(*plan.options);
  queue_ = plan.queue;
}

TapTarget Recordings::target() const {
  return {.sink = sink_, .options = queue_, .pool = pool_};
}

// Those that no worker uses any more are closed here.
void Recordings::ForgetRetired() {
  std::erase_if(retired_, [](const auto& sink) { return sink.use_count() == 1; });
}

void Recordings::Close() {
  if (sink_ != nullptr) log_(fmt::format("recording_ended path={}", sink_->path()));
  sink_.reset();
  retired_.clear();
}

}  // namespace sluice::gateway
