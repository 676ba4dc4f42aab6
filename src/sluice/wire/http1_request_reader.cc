#include <cstddef>
#include <string_view>

#include "sluice/wire/ascii.h"
#include "sluice/wire/authority.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_target.h"
#include "sluice/wire/llhttp_check.h"

namespace sluice::wire {
namespace {

// HTTP-version = "HTTP/" DIGIT "." DIGIT, case-sensitive (RFC 9112 §2.3). Of the well-formed ones
// only 1.0 and 1.1 are spoken.
Refusal ReadVersion(std::string_view text, int& minor_version) {
  const bool is_well_formed = text.size() == 8 && text.starts_with("HTTP/") && IsDigit(text[5]) &&
                              text[6] == '.' && IsDigit(text[7]);
  if (!is_well_formed) return Refuse("the request line does not end in HTTP/1.1");
  if (text[5] != '1' || text[7] > '1') {
    return {.code = ErrorCode::kVersionNotSupported,
            .rule = "the version is neither HTTP/1.0 nor HTTP/1.1"};
  }
  minor_version = text[7] - '0';
  return kFine;
}

}  // namespace

RequestHeadReader::RequestHeadReader(const HeadLimits& limits)
    : limits_(limits), lines_(limits.start_line_max, limits.header_block_max) {
  head_.headers = HeaderTable(limits.headers_max);
}

Result<HeadProgress> RequestHeadReader::Feed(ByteView bytes) {
  Bytes consumed = 0;
  if (const Refusal refusal = lines_.Feed(bytes, consumed, *this)) {
    return ToError(refusal, Side::kClient);
  }
  return HeadProgress{.consumed = consumed, .complete = lines_.complete()};
}

void RequestHeadReader::Reset() {
  lines_.Clear();
  facts_ = {};
  head_.Clear();
}

void RequestHeadReader::MoveViews(const char* from, const char* to, Bytes size) {
  head_.Rebase(from, to, size);
  RebaseView(facts_.upgrade_protocol, from, to, size);
}

Refusal RequestHeadReader::TakeFirstByte(char byte) const {
  if (IsTokenChar(byte)) return kFine;
  if (byte == '\r' || byte == '\n') return Refuse("an empty line before the request line");
  return Refuse("the request line does not begin with a method");
}

// request-line = method SP request-target SP HTTP-version, with single spaces.
Refusal RequestHeadReader::TakeStartLine(std::string_view line) {
  const std::size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos || !IsToken(line.substr(0, method_end))) {
    return Refuse("the request line does not begin with a method and a space");
  }
  const std::string_view rest = line.substr(method_end + 1);
  const std::size_t target_end = rest.find(' ');
  if (target_end == std::string_view::npos) {
    return Refuse("the request line has no version (HTTP/0.9)");
  }
  const std::string_view version = rest.substr(target_end + 1);
  if (target_end == 0 || version.find(' ') != std::string_view::npos) {
    return Refuse("the request line has more than two spaces");
  }
  if (const Refusal refusal = ReadVersion(version, facts_.minor_version)) return refusal;

  head_.method_text = line.substr(0, method_end);
  head_.method = IdentifyMethod(head_.method_text);
  head_.minor_version = facts_.minor_version;
  head_.target = rest.substr(0, target_end);
  return SplitTarget(head_);
}

Refusal RequestHeadReader::TakeField(std::string_view line) {
  if (++facts_.fields > limits_.headers_max) {
    return {.code = ErrorCode::kHeadTooLarge, .rule = "too many header fields"};
  }
  FieldLine field_line;
  if (const Refusal refusal = ReadFieldLine(line, field_line)) return refusal;
  if (field_line.has_underscore && limits_.underscore_names != UnderscoreNames::kKeep) {
    if (limits_.underscore_names == UnderscoreNames::kDrop) return kFine;
    return Refuse("an underscore in a header name");
  }
  if (const Refusal refusal = facts_.Take(field_line)) return refusal;
  // Cannot be full: the count above is at least the table's.
  head_.headers.Add(field_line.field);
  return kFine;
}

Refusal RequestHeadReader::Finish() {
  if (const Refusal refusal = FinishAuthority()) return refusal;
  const bool has_body = facts_.is_chunked || facts_.has_content_length;
  if (has_body && (head_.method == Method::kConnect || head_.method == Method::kTrace)) {
    return Refuse("a body where the method has none");
  }
  if (const Refusal refusal = CheckRequestWithLlhttp(lines_.bytes(), head_.method_text, facts_)) {
    return refusal;
  }
  if (facts_.is_chunked) head_.framing = BodyFraming::kChunked;
  if (facts_.has_content_length) head_.framing = BodyFraming::kLength;
  head_.content_length = facts_.content_length;
  head_.keep_alive = facts_.keep_alive();
  // RFC 9110 §7.8 and §10.1.1: an HTTP/1.0 client cannot mean these.
  const bool speaks_1_1 = facts_.minor_version >= 1;
  head_.expects_continue = facts_.expects_continue && speaks_1_1;
  head_.has_unknown_expectation = facts_.has_unknown_expectation;
  head_.wants_upgrade = facts_.asks_upgrade() && speaks_1_1;
  if (head_.wants_upgrade) head_.upgrade_protocol = facts_.upgrade_protocol;
  lines_.LowerCase(head_.authority);
  return kFine;
}

// RFC 9112 §3.2 and §3.2.2. The URI's authority is what counts, but a Host that differs from it is
// an attempt to be routed by one and served by the other.
Refusal RequestHeadReader::FinishAuthority() {
  if (!facts_.has_host) {
    if (facts_.minor_version >= 1) return Refuse("no Host in an HTTP/1.1 request");
    return kFine;
  }
  const std::string_view text = head_.headers.ValueOf(HeaderId::kHost);
  if (text.empty()) return Refuse("Host is empty");
  const Result<HostPort> host = SplitAuthority(text);
  if (!host) return Refuse("Host is not host:port");
  if (head_.authority.empty()) {
    head_.authority = text;
    return kFine;
  }
  const std::string_view scheme = head_.method == Method::kConnect ? "https" : head_.scheme;
  if (!SameAuthority(*SplitAuthority(head_.authority), *host, scheme)) {
    return Refuse("Host differs from the authority of the target");
  }
  return kFine;
}

}  // namespace sluice::wire
