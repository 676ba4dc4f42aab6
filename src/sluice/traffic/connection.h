// Connection: one HTTP/1.1 keep-alive connection to an endpoint, one exchange at a time.
//
// An exchange: Begin(); write the request into output() and send it through stream(), say
// MarkRequestSent() when its last byte was sent; ReceiveHead(); then the body: Decode() leftover()
// and what stream().Receive() returns. The pump that does this belongs to the caller, because a
// received view dies at its next suspension. At the end reusable() tells whether the connection may
// serve another exchange.
//
// Sending the request's body and receiving the response's head may run at once, in two coroutines.
// Not thread-safe: belongs to the loop of its stream.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http_head.h"

namespace sluice::traffic {

struct ConnectionLimits {
  wire::HeadLimits head;
  std::uint32_t informational_max = 16;  // 1xx heads before one final head.
};

class Connection final {
 public:
  // Up to this many bytes that came behind a head are copied; more keep the receive buffer.
  static constexpr Bytes kLeftoverCopyMax = 4 * kKiB;

  // `loop` must outlive the connection, and have made `stream`.
  Connection(Loop& loop, std::unique_ptr<Stream> stream, const ConnectionLimits& limits);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Stream& stream() { return *stream_; }

  // A buffer to build the request in; empty after Begin(), its capacity stays.
  [[nodiscard]] std::string& output() { return output_; }

  // Starts an exchange. Pool::Acquire() has called it for a new Lease.
  void Begin();

  // The whole request, body included, was handed to the kernel.
  void MarkRequestSent() { request_sent_ = true; }

  // Receives until the head of the final response is there; head() and decoder() are then set for a
  // response to `method`. 1xx heads are skipped and counted, 100 is noted; 101 is final. What came
  // behind the head is in leftover().
  //
  // Fails, always of side kUpstream, with
  //   kBadResponse       what came is no HTTP/1 response, or its head or its 1xx are too many:
  //   kUnsafe; kUpstreamTimeout   `deadline` passed: kIfIdempotent; kConnectionReset,
  //   kConnectionClosed
  //                      the server went away: kIfIdempotent before the first byte of a response
  //                      (on a reused connection this is mostly the race with its idle timeout, yet
  //                      it may have acted), kUnsafe after it;
  // and with kCancelled (side kSelf) after stream().Cancel(). The connection is not reusable then.
  Task<Result<void>> ReceiveHead(wire::Method method, SteadyTime deadline);

  // Of the last ReceiveHead(); its views live until the next Begin() or ReceiveHead().
  [[nodiscard]] const wire::ResponseHead& head() const { return reader_.head(); }
  [[nodiscard]] wire::BodyDecoder& decoder() { return decoder_; }

  // Bytes behind the head that the decoder has not seen. Lives until ReleaseLeftover() or Begin(),
  // also across suspensions.
  [[nodiscard]] ByteView leftover() const { return leftover_; }
  // Feed leftover() first, then release it: a kept receive buffer is dear.
  void ReleaseLeftover();

  // decoder().Next(input), which also takes what was consumed off `input`: go on until `input` is
  // empty or the decoder has finished. Bytes left behind the finished body are surplus (whoever
  // read them next could take them for an answer), and an error is a bad response: both forbid
  // reuse. Fails with kBadResponse, kUnsafe.
  [[nodiscard]] Result<wire::BodyPiece> Decode(ByteView& input);

  // The next exchange must not use this connection, for a reason that only the caller knows: a
  // tunnel, a bodied GET to a server that may not have read it (CL.0), an exchange given up midway.
  void ForbidReuse() { forbidden_ = true; }

  // True when all hold: request sent whole, final head received and neither 101 nor a tunnel, body
  // decoded to its end, that end not the connection's, the server keeps the connection alive, no
  // byte behind the response, no failure, nobody forbade it. False while an exchange is under way,
  // true before the first.
  [[nodiscard]] bool reusable() const;

  // A 100 (Continue) has come in this exchange.
  [[nodiscard]] bool continued() const { return continued_; }
  // Any byte of a response has come in this exchange.
  [[nodiscard]] bool response_begun() const { return response_begun_; }
  // Exchanges begun, this one included.
  [[nodiscard]] std::uint64_t exchanges() const { return exchanges_; }
  // Bytes received as heads in this exchange, 1xx included.
  [[nodiscard]] std::uint64_t head_bytes() const { return head_bytes_; }

 private:
  enum class Phase : std::uint8_t { kIdle, kBegun, kHeadReceived, kFailed };

  Result<bool> TakeHead(ByteView received, wire::Method method);
  [[nodiscard]] std::unexpected<Error> FailReceive(const Result<ByteView>& received);
  void KeepLeftover(ByteView rest);

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  ConnectionLimits limits_;
  wire::ResponseHeadReader reader_;
  wire::BodyDecoder decoder_;
  std::string output_;
  std::string copied_;  // Owns a small leftover.
  ReceiveBuffer kept_;  // Owns a large one.
  ByteView leftover_;
  std::uint64_t exchanges_ = 0;
  std::uint64_t head_bytes_ = 0;
  std::uint32_t informational_ = 0;
  Phase phase_ = Phase::kIdle;
  bool request_sent_ = false;
  bool response_begun_ = false;
  bool continued_ = false;
  bool surplus_ = false;
  bool forbidden_ = false;
};

}  // namespace sluice::traffic
