// Writes HTTP/1 messages in one canonical form, always from parsed values and never from raw bytes.
//
// Everything appends to a `std::string` that the caller clears and reuses: no allocation while it
// has capacity. Nothing that contains CR, LF or another control character can be written: such a
// value fails with kInvalidOption and leaves `out` as it was.
//
// Functions only; thread-safe.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/wire/http_head.h"

namespace sluice::wire {

struct ExtraHeader {
  std::string_view name;
  std::string_view value;
};

enum class Persistence : std::uint8_t { kKeepAlive, kClose };

// How a request goes out. The views live during the call.
struct RequestRewrite {
  std::string_view path;               // What NormalizePath() gave; empty: head.path as it is.
  std::string_view authority;          // The Host to send; empty: head.authority.
  std::span<const ExtraHeader> extra;  // Added at the end; they do not replace, see `drop`.
  HeaderSet drop;                      // Fields of the head to leave out, e.g. kIdentityHeaders.
  std::span<const std::string_view> drop_names;       // The same by name (any case), for kOther.
  Persistence persistence = Persistence::kKeepAlive;  // kClose writes `Connection: close`.
  bool pass_upgrade = false;       // Pass Connection: upgrade and Upgrade on, if the head wants it.
  bool use_absolute_form = false;  // "GET http://authority/path": for a forward proxy upstream.
};

// Appends the request line (HTTP/1.1, origin-form), Host first, the fields of the head without the
// hop-by-hop ones (RFC 9110 §7.6.1, and what Connection names, except the protected:
// framing, Host, authentication, forwarding, tracing), the extra ones, and the framing of `head` as
// exactly one of Content-Length and Transfer-Encoding or neither. `Expect` and `TE` never go on:
// the gateway answers them itself. Fails with kInvalidOption.
[[nodiscard]] Result<void> AppendRequestHead(const RequestHead& head,
                                             const RequestRewrite& rewrite,
                                             std::string& out);

// How a response goes out to this client.
struct ResponseRewrite {
  Method request_method = Method::kGet;  // HEAD: no body whatever the head says.
  int client_minor_version = 1;          // HTTP/1.0 clients get no chunks: the body ends by close.
  Persistence persistence = Persistence::kKeepAlive;  // What we want; see the outcome.
  std::span<const ExtraHeader> extra;
  HeaderSet drop;
  std::span<const std::string_view> drop_names;
  bool pass_upgrade = false;  // Pass a 101 on with its Connection: upgrade and Upgrade.
};

// What was promised to the client in the head that was written.
struct ResponseFraming {
  BodyFraming framing = BodyFraming::kNone;
  std::uint64_t content_length = 0;  // With kLength.
  Persistence persistence = Persistence::kKeepAlive;
};

// Appends the head of a response. A body that ended by close at the upstream becomes chunked for an
// HTTP/1.1 client; for an HTTP/1.0 client both become kUntilClose, which makes the outcome kClose.
// Interim responses (1xx) are written without framing and connection fields. Fails with
// kInvalidOption.
[[nodiscard]] Result<ResponseFraming> AppendResponseHead(const ResponseHead& head,
                                                         const ResponseRewrite& rewrite,
                                                         std::string& out);

// A chunk is AppendChunkHeader(n), n bytes, kChunkEnd. Requires size >= 1: 0 would end the body.
void AppendChunkHeader(std::uint64_t size, std::string& out);
inline constexpr std::string_view kChunkEnd = "\r\n";

// Ends a chunked body. Trailers that may not be trailers are left out, as are those with a value
// that may not be written.
void AppendLastChunk(std::string& out);
void AppendLastChunk(const HeaderTable& trailers, std::string& out);

// An answer of our own.
struct SimpleResponse {
  int status = 200;
  std::string_view content_type;  // Empty: none.
  std::string_view body;
  std::span<const ExtraHeader> extra;
  Method request_method = Method::kGet;  // HEAD: the length is told, the body is not sent.
  int client_minor_version = 1;
  Persistence persistence = Persistence::kKeepAlive;
};

// Appends head and body. Statuses without a body (204, 304) get none. Fails with kInvalidOption.
[[nodiscard]] Result<void> AppendSimpleResponse(const SimpleResponse& response, std::string& out);

// What an `Expect: 100-continue` is answered with.
inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

// "Not Found" for 404; "Unknown" for a status that is not registered.
[[nodiscard]] std::string_view ReasonPhrase(int status);

// 400 for kBadRequest, 414, 431, 505, 405, 413, 417, 408, 502 for kBadResponse: the status that
// a protocol error of a client or an upstream is answered with; 500 for what is neither.
[[nodiscard]] int StatusOf(ErrorCode code);

}  // namespace sluice::wire
