// Schedule: when each recorded request is due. Pure.
//
// Due times are absolute, counted from the start of the replay: due(i) = (begun(i) - begun(0)) /
// speed. So lateness never accumulates, whatever a request or a timer takes, and requests that lie
// in the recording out of order are sent in the order of their beginning.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::traffic::replay {

struct ScheduleOptions {
  double speed = 1;            // Above 0, up to 1000: how many times faster than recorded.
  double rate_per_second = 0;  // Above 0: evenly at this rate; the recorded times do not count.
  std::uint64_t loops = 1;     // How often the whole recording is sent; 0: for ever.
};

struct Planned {
  std::size_t index = 0;  // Of the request.
  std::uint64_t loop = 0;
  Nanos due{0};  // From the start of the replay.
};

class Schedule {
 public:
  // `begun`: when each request began, in any order. Fails with kInvalidOption.
  [[nodiscard]] static Result<Schedule> Create(const std::vector<WallTime>& begun,
                                               const ScheduleOptions& options);

  // The next request, in the order of their due times; nothing at the end.
  [[nodiscard]] std::optional<Planned> Next();

  // From the first due time to the last of one loop.
  [[nodiscard]] Nanos length() const { return length_; }

 private:
  struct Entry {
    std::size_t index = 0;
    Nanos due{0};
  };
  explicit Schedule(const ScheduleOptions& options) : options_(options) {}

  ScheduleOptions options_;
  std::vector<Entry> entries_;
  Nanos length_{0};
  Nanos period_{
      0};  // Between two loops: the last request is followed by the first as by any other.
  std::size_t next_ = 0;
  std::uint64_t loop_ = 0;
};

}  // namespace sluice::traffic::replay
