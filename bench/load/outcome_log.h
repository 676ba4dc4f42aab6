// OutcomeLog: a line for each request of a run, for questions that no sum can answer.
//
//   <number> <due, µs of the monotonic clock> <latency from due, µs> <status, or a name of Failure>

#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "load/tally.h"

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::load {

struct Outcome {
  std::uint64_t number = 0;
  SteadyTime due{};
  Nanos latency{0};
};

class OutcomeLog {
 public:
  // Replaces the file at `path`. Fails with kInputOutput.
  [[nodiscard]] static Result<OutcomeLog> Create(const std::string& path);

  void NoteAnswer(const Outcome& outcome, int status);
  void NoteFailure(const Outcome& outcome, Failure failure);

  // Fails with kInputOutput when not every line is in the file.
  [[nodiscard]] Result<void> Close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  explicit OutcomeLog(std::FILE* file) : file_(file) {}

  std::unique_ptr<std::FILE, Closer> file_;
};

}  // namespace sluice::load
