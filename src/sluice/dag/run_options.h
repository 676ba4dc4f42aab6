// What a caller says about one run, and who is told of its end.

#pragma once

#include <cstdint>

#include "sluice/contract/time.h"

namespace sluice::dag {

class RunView;

// Told when the last body of a run has ended, which may be later than its result. The view is valid
// during the call. Must outlive the runs that name it; called on their loop.
class RunObserver {
 public:
  RunObserver() = default;
  RunObserver(const RunObserver&) = delete;
  RunObserver& operator=(const RunObserver&) = delete;
  virtual ~RunObserver() = default;
  virtual void OnEnded(const RunView& run) = 0;
};

enum class Tracing : std::uint8_t { kOff, kOn };

struct RunOptions {
  SteadyTime deadline = kNever;  // Of the whole run; handed to every node.
  Tracing tracing = Tracing::kOff;
  RunObserver* observer = nullptr;
  std::uint64_t id = 0;  // Makes idempotency keys; give each request its own.
};

}  // namespace sluice::dag
