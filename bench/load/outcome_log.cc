#include "load/outcome_log.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace sluice::load {
namespace {

std::int64_t Microseconds(Nanos span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

template <typename What>
void Write(std::FILE* file, const Outcome& outcome, const What& what) {
  fmt::print(file, "{} {} {} {}\n", outcome.number, Microseconds(outcome.due.time_since_epoch()),
             Microseconds(outcome.latency), what);
}

}  // namespace

Result<OutcomeLog> OutcomeLog::Create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    return Fail(ErrorCode::kInputOutput, path + ": " + std::generic_category().message(errno));
  }
  return OutcomeLog(file);
}

void OutcomeLog::NoteAnswer(const Outcome& outcome, int status) {
  Write(file_.get(), outcome, status);
}

void OutcomeLog::NoteFailure(const Outcome& outcome, Failure failure) {
  Write(file_.get(), outcome, NameOf(failure));
}

Result<void> OutcomeLog::Close() {
  const bool written = std::ferror(file_.get()) == 0;
  const bool closed = std::fclose(file_.release()) == 0;
  if (!written || !closed) return Fail(ErrorCode::kInputOutput, "outcomes could not be written");
  return {};
}

}  // namespace sluice::load
