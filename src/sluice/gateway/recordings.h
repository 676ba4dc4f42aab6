// Recordings: what the traffic is recorded into, over reloads.
//
// A reload with the same path goes on with the same file, by the new rules; with another one begins
// that, and the old one ends when no exchange writes to it any more. Opening and closing a
// recording touches the disk: here, on the control loop, never on a worker.
//
// Belongs to the control loop.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/gateway/config/config.h"
#include "sluice/traffic/tap/recording_sink.h"
#include "sluice/traffic/tap/tap_queue.h"
#include "sluice/wire/recording/keyed_hash.h"

namespace sluice::gateway {

// Where a recording lies, and by which key its secrets are masked.
struct RecordingPlace {
  std::string path;
  wire::recording::KeyedHash::Key mask_key{};
};
// Makes the folder of `path`, and reads the key from `key_path` or draws one and writes it there.
using PrepareRecording =
    std::function<Result<RecordingPlace>(const std::string& path, const std::string& key_path)>;

// What workers copy into; without a sink they do not.
struct TapTarget {
  std::shared_ptr<traffic::tap::RecordingSink> sink;
  traffic::tap::TapQueueOptions options;
  WorkerPool* pool = nullptr;
};

class Recordings {
 public:
  // `pool` and `prepare` may be null: then nothing can be recorded.
  Recordings(WorkerPool* pool, PrepareRecording prepare, std::function<void(std::string_view)> log);

  // A configuration that could be put in force.
  struct Plan {
    std::optional<traffic::tap::SinkOptions> options;  // Absent: nothing is recorded.
    std::shared_ptr<traffic::tap::RecordingSink> sink;
    bool is_new = false;
    traffic::tap::TapQueueOptions queue;
  };
  // Opens what has to be opened. Fails with kInvalidConfig and changes nothing.
  [[nodiscard]] Result<Plan> Prepare(const config::Config& config, std::size_t workers);
  void Commit(Plan plan);

  [[nodiscard]] TapTarget target() const;
  // Null: nothing is recorded.
  [[nodiscard]] const traffic::tap::RecordingSink* sink() const { return sink_.get(); }
  [[nodiscard]] const traffic::tap::SinkOptions& options() const { return options_; }

  // Once every worker has let go: writes what was gathered, and closes.
  void Close();

 private:
  void ForgetRetired();

  WorkerPool* pool_;
  PrepareRecording prepare_;
  std::function<void(std::string_view)> log_;
  std::shared_ptr<traffic::tap::RecordingSink> sink_;
  traffic::tap::SinkOptions options_;
  traffic::tap::TapQueueOptions queue_;
  std::vector<std::shared_ptr<traffic::tap::RecordingSink>> retired_;
};

}  // namespace sluice::gateway
