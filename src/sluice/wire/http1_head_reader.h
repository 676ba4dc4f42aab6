// Readers of HTTP/1 heads: bytes as they arrive → RequestHead or ResponseHead.
//
// Our own strict scan (docs: gateway policy in README.md) refuses everything two servers could
// understand in two ways; then llhttp reads the same bytes, and where the two disagree about
// method, version, framing, length, number of fields or upgrade, the message is refused. The result
// depends only on the bytes, never on how they were cut.
//
// The head is copied into the reader's own buffer, so the input of Feed() may die when it returns.
// Buffer and table are kept from message to message: no allocation in steady state.
//
// Not thread-safe: one reader belongs to one connection.

#pragma once

#include <cstdint>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/wire/head_facts.h"
#include "sluice/wire/http1_head_lines.h"
#include "sluice/wire/http_head.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

// What to do with a request header whose name has an underscore: CGI and its heirs read `x_user`
// and `x-user` as one variable, so it can shadow a header that was checked here.
enum class UnderscoreNames : std::uint8_t { kDrop, kKeep, kRefuse };

struct HeadLimits {
  Bytes start_line_max = 8 * kKiB;     // Request or status line with its CRLF. 64 B .. 64 KiB.
  Bytes header_block_max = 32 * kKiB;  // All header lines with the empty one. 64 B .. 1 MiB.
  std::size_t headers_max = HeaderTable::kDefaultMax;         // 1 .. 1000 fields.
  UnderscoreNames underscore_names = UnderscoreNames::kDrop;  // Requests only.
};

struct HeadProgress {
  Bytes consumed = 0;     // Of the fed view. What is left belongs to the body or the next message.
  bool complete = false;  // head() is there.
};

class RequestHeadReader {
 public:
  explicit RequestHeadReader(const HeadLimits& limits = {});
  RequestHeadReader(const RequestHeadReader&) = delete;
  RequestHeadReader& operator=(const RequestHeadReader&) = delete;

  // Takes what belongs to the head. After `complete`, Reset() must come before the next Feed().
  //
  // Errors (side kClient; `detail` names the rule; the connection must be closed after the answer,
  // since nobody knows where the next message begins): kBadRequest, kTargetTooLong (request line
  // over its limit), kHeadTooLarge (header block or number of fields), kVersionNotSupported,
  // kMethodNotAllowed (a valid token that is no registered HTTP method). After an error every
  // further Feed() fails with kBadRequest until Reset().
  [[nodiscard]] Result<HeadProgress> Feed(ByteView bytes);

  // Valid after `complete`, until Feed(), Reset() or the end of the reader.
  [[nodiscard]] const RequestHead& head() const { return head_; }

  // True when some bytes of a head have arrived: tells a slow client from an idle connection.
  [[nodiscard]] bool started() const { return !lines_.bytes().empty(); }

  // Bytes of the current head so far, for the access log.
  [[nodiscard]] Bytes head_bytes() const { return lines_.bytes().size(); }

  // Forgets the message and keeps the memory.
  void Reset();

 private:
  friend class HeadLines;

  Refusal TakeFirstByte(char byte) const;
  Refusal TakeStartLine(std::string_view line);
  Refusal TakeField(std::string_view line);
  Refusal Finish();
  Refusal FinishAuthority();
  void MoveViews(const char* from, const char* to, Bytes size);
  static ErrorCode start_line_too_long() { return ErrorCode::kTargetTooLong; }

  HeadLimits limits_;
  HeadLines lines_;
  HeadFacts facts_;
  RequestHead head_;
};

class ResponseHeadReader {
 public:
  explicit ResponseHeadReader(const HeadLimits& limits = {});
  ResponseHeadReader(const ResponseHeadReader&) = delete;
  ResponseHeadReader& operator=(const ResponseHeadReader&) = delete;

  // Forgets the message, keeps the memory, and says which method the next response answers: it
  // decides whether there is a body. To be called before every response, also after an interim one.
  void Reset(Method request_method);

  // As RequestHeadReader::Feed(). Every error is kBadResponse on side kUpstream, and the connection
  // must not be used again.
  [[nodiscard]] Result<HeadProgress> Feed(ByteView bytes);

  // Valid after `complete`, until Feed(), Reset() or the end of the reader.
  [[nodiscard]] const ResponseHead& head() const { return head_; }

  // False: not a byte of this response has arrived (a retry may be safe).
  [[nodiscard]] bool started() const { return !lines_.bytes().empty(); }
  [[nodiscard]] Bytes head_bytes() const { return lines_.bytes().size(); }

 private:
  friend class HeadLines;

  Refusal TakeFirstByte(char byte) const;
  Refusal TakeStartLine(std::string_view line);
  Refusal TakeField(std::string_view line);
  Refusal Finish();
  Refusal FinishFraming();
  void MoveViews(const char* from, const char* to, Bytes size);
  static ErrorCode start_line_too_long() { return ErrorCode::kBadResponse; }

  HeadLimits limits_;
  HeadLines lines_;
  HeadFacts facts_;
  ResponseHead head_;
  Method request_method_ = Method::kGet;
};

}  // namespace sluice::wire
