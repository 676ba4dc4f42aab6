#include <cstddef>
#include <string_view>

#include "sluice/wire/ascii.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/llhttp_check.h"

namespace sluice::wire {

ResponseHeadReader::ResponseHeadReader(const HeadLimits& limits)
    : limits_(limits), lines_(limits.start_line_max, limits.header_block_max) {
  head_.headers = HeaderTable(limits.headers_max);
}

Result<HeadProgress> ResponseHeadReader::Feed(ByteView bytes) {
  Bytes consumed = 0;
  if (const Refusal refusal = lines_.Feed(bytes, consumed, *this)) {
    return ToError(refusal, Side::kUpstream);
  }
  return HeadProgress{.consumed = consumed, .complete = lines_.complete()};
}

void ResponseHeadReader::Reset(Method request_method) {
  lines_.Clear();
  facts_ = {};
  head_.Clear();
  request_method_ = request_method;
}

void ResponseHeadReader::MoveViews(const char* from, const char* to, Bytes size) {
  head_.Rebase(from, to, size);
  RebaseView(facts_.upgrade_protocol, from, to, size);
}

Refusal ResponseHeadReader::TakeFirstByte(char byte) const {
  return byte == 'H' ? kFine : Refuse("the response does not begin with HTTP/");
}

// status-line = HTTP-version SP 3DIGIT [ SP reason-phrase ]. The last space is a MUST of RFC 9112
// §4 that many servers forget where they have no phrase; nothing can be read into its absence.
Refusal ResponseHeadReader::TakeStartLine(std::string_view line) {
  if (!line.starts_with("HTTP/1.0 ") && !line.starts_with("HTTP/1.1 ")) {
    return Refuse("the status line does not begin with HTTP/1.0 or HTTP/1.1");
  }
  facts_.minor_version = line[7] - '0';
  const std::string_view rest = line.substr(9);
  const bool has_status = rest.size() >= 3 && rest[0] >= '1' && rest[0] <= '9' &&
                          IsDigit(rest[1]) && IsDigit(rest[2]) &&
                          (rest.size() == 3 || rest[3] == ' ');
  if (!has_status) return Refuse("the status is not three digits");
  if (!IsFieldValue(rest)) return Refuse("a control character in the reason phrase");
  head_.minor_version = facts_.minor_version;
  head_.status = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
  if (rest.size() > 4) head_.reason = rest.substr(4);
  return kFine;
}

Refusal ResponseHeadReader::TakeField(std::string_view line) {
  if (++facts_.fields > limits_.headers_max) return Refuse("too many header fields");
  FieldLine field_line;
  if (const Refusal refusal = ReadFieldLine(line, field_line)) return refusal;
  if (const Refusal refusal = facts_.Take(field_line)) return refusal;
  head_.headers.Add(field_line.field);
  return kFine;
}

Refusal ResponseHeadReader::Finish() {
  if (const Refusal refusal = CheckResponseWithLlhttp(lines_.bytes(), head_.status, facts_)) {
    return refusal;
  }
  head_.keep_alive = facts_.keep_alive();
  head_.has_content_length = facts_.has_content_length;
  head_.content_length = facts_.content_length;
  return FinishFraming();
}

// RFC 9112 §6.3, in its order.
Refusal ResponseHeadReader::FinishFraming() {
  const bool declares_body =
      facts_.is_chunked || (facts_.has_content_length && facts_.content_length > 0);
  head_.framing = BodyFraming::kNone;
  if (head_.status == 101) {
    if (!facts_.asks_upgrade()) return Refuse("a 101 without Connection: upgrade and Upgrade");
    if (declares_body) return Refuse("a 101 that declares a body");
    head_.is_upgrade = true;
    head_.upgrade_protocol = facts_.upgrade_protocol;
    head_.keep_alive = false;
    return kFine;
  }
  if (head_.status < 200) {
    if (declares_body) return Refuse("an interim response that declares a body");
    return kFine;
  }
  if (request_method_ == Method::kConnect && head_.status < 300) {
    head_.is_tunnel = true;
    head_.keep_alive = false;
    return kFine;
  }
  if (request_method_ == Method::kHead || head_.status == 304) return kFine;
  if (head_.status == 204) {
    // There is no body, but a server that declares one may send one: do not use it again.
    if (declares_body) head_.keep_alive = false;
    return kFine;
  }
  if (facts_.is_chunked) {
    head_.framing = BodyFraming::kChunked;
  } else if (facts_.has_content_length) {
    head_.framing = BodyFraming::kLength;
  } else {
    head_.framing = BodyFraming::kUntilClose;
    head_.keep_alive = false;
  }
  return kFine;
}

}  // namespace sluice::wire
