// AccessLog: one JSON line for each finished exchange.
//
// Lines gather in a buffer of the worker, which goes to the sink when it is full and at least once
// a second. A sink that cannot take it costs the lines, counted, never the request. Queries,
// bodies, cookies and tokens are not logged. docs/access-log.md lists the fields.
//
// Not thread-safe: belongs to one loop.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sluice/contract/byte_sink.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/counter.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"

namespace sluice::gateway {

struct Exchange;

class AccessLog {
 public:
  static constexpr Bytes kBufferBytes = 64 * kKiB;
  static constexpr Nanos kFlushInterval = std::chrono::seconds(1);

  // `dropped` counts lines lost.
  AccessLog(Loop& loop, Counter& dropped);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  // Where lines go from now on; null turns the log off. What is buffered goes to the old sink.
  void SetSink(std::shared_ptr<ByteSink> sink);

  void Write(const Exchange& exchange, Nanos duration);

  // Hands the buffer to the sink.
  void Flush();

 private:
  static void FireFlush(Timer& timer, SteadyTime now);
  // Makes `stamp_` that of `second`, counted from the epoch.
  void Stamp(std::int64_t second);
  void Append(const Exchange& exchange, Nanos duration);

  Loop& loop_;
  Counter& dropped_;
  std::shared_ptr<ByteSink> sink_;
  std::string buffer_;
  std::uint64_t lines_ = 0;  // In the buffer.
  Timer flush_timer_;
  // The date and time of the last line, to the second: formatted once a second.
  std::int64_t stamp_second_ = -1;
  std::string stamp_;
};

}  // namespace sluice::gateway
