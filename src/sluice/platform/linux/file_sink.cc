#include "sluice/platform/linux/file_sink.h"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr std::size_t kFreeBuffersMax = 64;
constexpr Bytes kFreeBufferBytesMax = 256 * kKiB;  // A larger one is not kept for later.

std::optional<int> StandardFd(const std::string& path) {
  if (path == "stdout") return STDOUT_FILENO;
  if (path == "stderr") return STDERR_FILENO;
  return std::nullopt;
}

OwnedFd OpenToAppend(const std::string& path, unsigned mode) {
  return OwnedFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode));
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::Open(std::string path, const FileSinkOptions& options) {
  const std::optional<int> standard = StandardFd(path);
  OwnedFd fd =
      standard ? OwnedFd(::fcntl(*standard, F_DUPFD_CLOEXEC, 0)) : OpenToAppend(path, options.mode);
  if (!fd) return FailErrno(errno, "open", path);
  std::unique_ptr<FileSink> sink(new FileSink(std::move(path), std::move(fd), options));
  // The standard library reports this failure by throwing only.
  try {
    sink->writer_ = std::jthread([running = sink.get()] { running->WriteLoop(); });
  } catch (const std::system_error& error) {
    return FailErrno(error.code().value(), "start a thread");
  }
  return sink;
}

FileSink::FileSink(std::string path, OwnedFd fd, const FileSinkOptions& options)
    : path_(std::move(path)),
      options_(options),
      standard_(StandardFd(path_).has_value()),
      fd_(std::move(fd)) {}

FileSink::~FileSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (writer_.joinable()) writer_.join();
}

bool FileSink::Append(std::string& buffer) {
  if (buffer.empty()) return true;
  {
    const std::lock_guard lock(mutex_);
    // A single buffer above the bound is taken when nothing else is in flight.
    if (in_flight_ > 0 && in_flight_ + buffer.size() > options_.in_flight_max) return false;
    in_flight_ += buffer.size();
    std::string empty;
    if (!free_.empty()) {
      empty = std::move(free_.back());
      free_.pop_back();
    }
    queue_.push_back(std::exchange(buffer, std::move(empty)));
    ++appended_;
  }
  work_.notify_one();
  return true;
}

void FileSink::Reopen() {
  if (standard_) return;
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back();
    ++appended_;
  }
  work_.notify_one();
}

void FileSink::Flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t awaited = appended_;
  written_.wait(lock, [&] { return done_ >= awaited; });
}

void FileSink::WriteLoop() {
  Batch batch;
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;  // Stopping, and all is written.
    std::swap(batch, queue_);
    lock.unlock();
    WriteBatch(batch);
    lock.lock();
    Recycle(batch);
    written_.notify_all();
  }
}

// With the lock held.
void FileSink::Recycle(Batch& batch) {
  done_ += batch.size();
  for (std::string& text : batch) {
    in_flight_ -= text.size();
    if (text.capacity() > kFreeBufferBytesMax || free_.size() == kFreeBuffersMax) continue;
    text.clear();
    free_.push_back(std::move(text));
  }
  batch.clear();
}

void FileSink::WriteBatch(const Batch& batch) {
  for (const std::string& text : batch) {
    if (text.empty()) {
      OpenAgain();
    } else {
      WriteAll(text);
    }
  }
}

void FileSink::WriteAll(ByteView text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {  // A standard stream that somebody made non-blocking.
      pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
      continue;
    }
    if (written < 0) {
      lost_bytes_ += text.size();
      ++failures_;
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void FileSink::OpenAgain() {
  OwnedFd fd = OpenToAppend(path_, options_.mode);
  if (fd) {
    fd_ = std::move(fd);
  } else {
    ++failures_;
  }
}

}  // namespace sluice::platform
