// The head of an HTTP/1 message as values: method, target, header table, framing.
//
// A head is made by a reader (http1_head_reader.h) and holds views into that reader's buffer: it is
// valid until the reader is fed, reset, moved or destroyed. A head may also be filled by hand (a
// health check, a test); then whoever fills it keeps the bytes alive.
//
// Values only; no thread rule beyond "one owner".

#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "sluice/contract/bytes.h"

namespace sluice::wire {

enum class Method : std::uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kOptions,
  kPatch,
  kConnect,
  kTrace,
  kOther,  // A registered method without a name of its own here (PROPFIND, PURGE, …).
};

// kOther for every text that is not exactly one of the names above; methods are case-sensitive.
[[nodiscard]] Method IdentifyMethod(std::string_view text);

// "GET", …; "OTHER" for kOther, which is also what a metric label should say.
[[nodiscard]] std::string_view NameOf(Method method);

// RFC 9110 §9.2.1 and §9.2.2. kOther is neither.
[[nodiscard]] bool IsSafe(Method method);
[[nodiscard]] bool IsIdempotent(Method method);

// Names that somebody in the gateway asks for. At most 64, so that a set of them is one word.
enum class HeaderId : std::uint8_t {
  kOther,
  kXSluice,     // Any name that begins with "x-sluice-".
  kXForwarded,  // Any "x-forwarded-…" that has no id of its own.
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedPort,
  kForwarded,
  kXRealIp,
  kXRequestId,
  kXCriticality,
  kXLevel,
  kTraceparent,
  kTracestate,
  kBaggage,
  kHost,
  kConnection,
  kKeepAlive,
  kProxyConnection,
  kProxyAuthenticate,
  kProxyAuthorization,
  kTe,
  kTrailer,
  kTransferEncoding,
  kContentLength,
  kContentType,
  kContentEncoding,
  kContentRange,
  kExpect,
  kUpgrade,
  kHttp2Settings,
  kVia,
  kCookie,
  kSetCookie,
  kAuthorization,
  kWwwAuthenticate,
  kDate,
  kServer,
  kRetryAfter,
  kAccept,
  kAcceptEncoding,
  kUserAgent,
  kCacheControl,
  kMaxForwards,
  kLocation,
  kEtag,
  kVary,
  kAge,
  kRange,
  kOrigin,
  kReferer,
  kIdempotencyKey,
};

inline constexpr std::size_t kHeaderIdCount =
    static_cast<std::size_t>(HeaderId::kIdempotencyKey) + 1;
static_assert(kHeaderIdCount <= 64);

// Case-insensitive; one comparison at most.
[[nodiscard]] HeaderId IdentifyHeader(std::string_view name);

// The lower-case name; empty for the kinds without one (kOther, kXSluice, kXForwarded).
[[nodiscard]] std::string_view NameOf(HeaderId id);

class HeaderSet {
 public:
  constexpr HeaderSet() = default;
  constexpr HeaderSet(std::initializer_list<HeaderId> ids) {
    for (const HeaderId id : ids)
      Insert(id);
  }
  constexpr void Insert(HeaderId id) { bits_ |= Bit(id); }
  [[nodiscard]] constexpr bool Contains(HeaderId id) const { return (bits_ & Bit(id)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  friend constexpr HeaderSet operator|(HeaderSet a, HeaderSet b) {
    a.bits_ |= b.bits_;
    return a;
  }
  friend constexpr bool operator==(HeaderSet, HeaderSet) = default;

 private:
  static constexpr std::uint64_t Bit(HeaderId id) {
    return std::uint64_t{1} << static_cast<unsigned>(id);
  }
  std::uint64_t bits_ = 0;
};

// What only a trusted proxy may say: who the client is, how important, which lane. Taken out of the
// requests of everybody else (RequestRewrite::drop). The lane entries of `baggage` are not a header
// of their own: see AppendBaggageWithout() in traceparent.h.
inline constexpr HeaderSet kIdentityHeaders{HeaderId::kXSluice,        HeaderId::kXForwarded,
                                            HeaderId::kXForwardedFor,  HeaderId::kXForwardedProto,
                                            HeaderId::kXForwardedHost, HeaderId::kXForwardedPort,
                                            HeaderId::kForwarded,      HeaderId::kXRealIp,
                                            HeaderId::kXCriticality,   HeaderId::kXLevel};

struct HeaderField {
  std::string_view name;   // As sent; compare without case.
  std::string_view value;  // Without the white space around it.
  HeaderId id = HeaderId::kOther;
};

// The fields of one message in their order. Bounded; its memory is kept from message to message, so
// that a connection in steady state allocates nothing.
class HeaderTable {
 public:
  static constexpr std::size_t kDefaultMax = 100;

  HeaderTable() = default;
  explicit HeaderTable(std::size_t fields_max) : fields_max_(fields_max) {}
  HeaderTable(HeaderTable&&) = default;
  HeaderTable& operator=(HeaderTable&&) = default;
  // A copy would share the views and look as if it did not.
  HeaderTable(const HeaderTable&) = delete;
  HeaderTable& operator=(const HeaderTable&) = delete;

  // False when the table is full; then nothing was added. The views are not copied.
  bool Add(const HeaderField& field);
  // Identifies the name.
  bool Add(std::string_view name, std::string_view value);

  // The first field of that kind; nullptr when there is none. Absent known names cost one bit test.
  // For kOther: use the name.
  [[nodiscard]] const HeaderField* Find(HeaderId id) const;
  // Case-insensitive.
  [[nodiscard]] const HeaderField* Find(std::string_view name) const;
  // The value of the first such field; empty when there is none.
  [[nodiscard]] std::string_view ValueOf(HeaderId id) const;
  [[nodiscard]] bool Has(HeaderId id) const { return present_.Contains(id); }

  [[nodiscard]] std::size_t size() const { return fields_.size(); }
  [[nodiscard]] bool empty() const { return fields_.empty(); }
  [[nodiscard]] std::size_t fields_max() const { return fields_max_; }
  [[nodiscard]] const HeaderField* begin() const { return fields_.data(); }
  [[nodiscard]] const HeaderField* end() const { return fields_.data() + fields_.size(); }

  // Empties the table and keeps its memory.
  void Clear();

  // The bytes the views point at have moved from `from` to `to`, `size` of them. Views that lie
  // outside stay as they are.
  void Rebase(const char* from, const char* to, Bytes size);

 private:
  std::vector<HeaderField> fields_;
  std::size_t fields_max_ = kDefaultMax;
  HeaderSet present_;
};

// A view of the `size` bytes at `from` becomes the same view at `to`; others stay as they are.
void RebaseView(std::string_view& view, const char* from, const char* to, Bytes size);

// How the end of a body is found (RFC 9112 §6.3).
enum class BodyFraming : std::uint8_t {
  kNone,        // There is no body.
  kLength,      // `content_length` bytes, perhaps 0.
  kChunked,     // Chunks and trailers.
  kUntilClose,  // Responses only: until the peer ends the stream.
};

struct RequestHead {
  Method method = Method::kGet;
  std::string_view method_text = "GET";
  std::string_view target;  // As sent.
  // The parts of the target. `path` is raw: route and forward what NormalizePath() makes of it.
  // "*" for OPTIONS *, empty for CONNECT, "/" where an absolute URI has no path.
  std::string_view path = "/";
  std::string_view query;      // Without '?'.
  bool has_query = false;      // Tells "/a?" from "/a".
  std::string_view scheme;     // "http" or "https" of an absolute URI, lower-case; else empty.
  std::string_view authority;  // host[:port], lower-case: the URI's, else Host's. Empty: HTTP/1.0.
  int minor_version = 1;       // HTTP/1.0 or HTTP/1.1.
  HeaderTable headers;
  BodyFraming framing = BodyFraming::kNone;
  std::uint64_t content_length = 0;      // With kLength.
  bool keep_alive = true;                // The client wants the connection to go on.
  bool expects_continue = false;         // Expect: 100-continue, and the client speaks HTTP/1.1.
  bool has_unknown_expectation = false;  // Any other Expect: answer 417.
  bool wants_upgrade = false;         // HTTP/1.1 with `Connection: upgrade` and an Upgrade field.
  std::string_view upgrade_protocol;  // The value of Upgrade, e.g. "websocket".

  // As constructed, but keeps the memory of the table.
  void Clear();
  // As HeaderTable::Rebase(), for all views.
  void Rebase(const char* from, const char* to, Bytes size);
};

struct ResponseHead {
  int status = 200;  // 100..999.
  std::string_view reason;
  int minor_version = 1;
  HeaderTable headers;
  BodyFraming framing = BodyFraming::kNone;
  // With kLength the length of the body. Of a response to HEAD and of a 304 it says what a GET
  // would have got, when `has_content_length`; their framing is kNone all the same.
  std::uint64_t content_length = 0;
  bool has_content_length = false;
  bool keep_alive = true;   // The connection may be used again once the body was read to its end.
  bool is_upgrade = false;  // 101: what follows is `upgrade_protocol`.
  bool is_tunnel = false;   // A 2xx to CONNECT: what follows is raw bytes.
  std::string_view upgrade_protocol;

  // 100, 102, 103, …: the final head is still to come. 101 is final.
  [[nodiscard]] bool is_interim() const { return status < 200 && status != 101; }

  void Clear();
  void Rebase(const char* from, const char* to, Bytes size);
};

}  // namespace sluice::wire
