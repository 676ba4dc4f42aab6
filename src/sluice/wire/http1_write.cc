#include "sluice/wire/http1_write.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "sluice/contract/assert.h"
#include "sluice/wire/ascii.h"
#include "sluice/wire/field_line.h"
#include "sluice/wire/pen.h"

namespace sluice::wire {
namespace {

// Never sent on: they are about this connection (RFC 9110 §7.6.1), or written anew.
constexpr HeaderSet kHopByHop{HeaderId::kHost,
                              HeaderId::kConnection,
                              HeaderId::kKeepAlive,
                              HeaderId::kProxyConnection,
                              HeaderId::kProxyAuthenticate,
                              HeaderId::kProxyAuthorization,
                              HeaderId::kTe,
                              HeaderId::kTransferEncoding,
                              HeaderId::kContentLength,
                              HeaderId::kUpgrade,
                              HeaderId::kHttp2Settings};

// A peer that names these in its Connection wants us to lose what others rely on.
constexpr HeaderSet kProtectedFromConnection =
    kIdentityHeaders | HeaderSet{HeaderId::kXRequestId,
                                 HeaderId::kTraceparent,
                                 HeaderId::kTracestate,
                                 HeaderId::kBaggage,
                                 HeaderId::kContentType,
                                 HeaderId::kContentEncoding,
                                 HeaderId::kContentRange,
                                 HeaderId::kTrailer,
                                 HeaderId::kVia,
                                 HeaderId::kCookie,
                                 HeaderId::kSetCookie,
                                 HeaderId::kAuthorization,
                                 HeaderId::kWwwAuthenticate,
                                 HeaderId::kDate,
                                 HeaderId::kRetryAfter,
                                 HeaderId::kCacheControl,
                                 HeaderId::kMaxForwards,
                                 HeaderId::kLocation,
                                 HeaderId::kEtag,
                                 HeaderId::kVary,
                                 HeaderId::kAge,
                                 HeaderId::kRange,
                                 HeaderId::kOrigin,
                                 HeaderId::kIdempotencyKey};

// Holds every fixed text of a head: status line, framing and connection fields.
constexpr std::size_t kFixedRoom = 256;
constexpr std::size_t kRoomPerField = 4;

struct FieldRules {
  const HeaderTable& headers;
  std::span<const ExtraHeader> extra;
  HeaderSet drop;
  std::span<const std::string_view> drop_names;
};

std::size_t RoomFor(const FieldRules& rules) {
  std::size_t room = kFixedRoom;
  for (const HeaderField& field : rules.headers) {
    room += field.name.size() + field.value.size() + kRoomPerField;
  }
  for (const ExtraHeader& field : rules.extra) {
    room += field.name.size() + field.value.size() + kRoomPerField;
  }
  return room;
}

// What Connection names beyond the options we know, so that the usual head is not searched.
bool NamesFields(const HeaderTable& headers) {
  if (!headers.Has(HeaderId::kConnection)) return false;
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kConnection) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::string_view option = TakeListElement(rest);
      const bool is_known = option.empty() || EqualsIgnoringCase(option, "close") ||
                            EqualsIgnoringCase(option, "keep-alive") ||
                            EqualsIgnoringCase(option, "upgrade");
      if (!is_known) return true;
    }
  }
  return false;
}

bool IsNamedByConnection(const HeaderTable& headers, std::string_view name) {
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kConnection) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      if (EqualsIgnoringCase(TakeListElement(rest), name)) return true;
    }
  }
  return false;
}

bool IsDroppedByName(const FieldRules& rules, std::string_view name) {
  return std::ranges::any_of(rules.drop_names, [&](std::string_view dropped) {
    return EqualsIgnoringCase(dropped, name);
  });
}

// False when a field may not be written.
bool WriteFields(const FieldRules& rules, HeaderSet never, Pen& pen) {
  const bool names_fields = NamesFields(rules.headers);
  const HeaderSet left_out = kHopByHop | never | rules.drop;
  for (const HeaderField& field : rules.headers) {
    if (left_out.Contains(field.id)) continue;
    const bool is_named = names_fields && !kProtectedFromConnection.Contains(field.id) &&
                          IsNamedByConnection(rules.headers, field.name);
    if (is_named || IsDroppedByName(rules, field.name)) continue;
    // The name was a token when it was read; nothing that breaks a line may pass all the same.
    if (!IsVisible(field.name) || !IsFieldValue(field.value)) return false;
    pen.Field(field.name, field.value);
  }
  for (const ExtraHeader& field : rules.extra) {
    if (!IsToken(field.name) || !IsFieldValue(field.value)) return false;
    pen.Field(field.name, field.value);
  }
  return true;
}

std::unexpected<Error> CannotWrite(std::string_view what) {
  return Fail(ErrorCode::kInvalidOption, std::string(what));
}

void WriteFraming(BodyFraming framing, std::uint64_t content_length, Pen& pen) {
  if (framing == BodyFraming::kChunked) pen << "Transfer-Encoding: chunked\r\n";
  if (framing == BodyFraming::kLength) pen << "Content-Length: " << content_length << kChunkEnd;
}

bool AllowsBody(Method request_method, int status) {
  return request_method != Method::kHead && status >= 200 && status != 204 && status != 304;
}

// Into what the body of `head` is put for this client.
ResponseFraming FrameFor(const ResponseHead& head, const ResponseRewrite& rewrite) {
  ResponseFraming sent{
      .framing = BodyFraming::kNone, .content_length = 0, .persistence = rewrite.persistence};
  if (head.is_upgrade || head.is_tunnel || !AllowsBody(rewrite.request_method, head.status)) {
    return sent;
  }
  sent.framing = head.framing;
  if (head.framing == BodyFraming::kLength) sent.content_length = head.content_length;
  if (head.framing == BodyFraming::kNone) {
    // A final response without a length would be read until close: say that nothing comes.
    sent.framing = BodyFraming::kLength;
  }
  if (head.framing == BodyFraming::kUntilClose) sent.framing = BodyFraming::kChunked;
  if (sent.framing == BodyFraming::kChunked && rewrite.client_minor_version < 1) {
    sent.framing = BodyFraming::kUntilClose;
  }
  if (sent.framing == BodyFraming::kUntilClose) sent.persistence = Persistence::kClose;
  return sent;
}

void WriteConnection(Persistence persistence, int client_minor_version, Pen& pen) {
  if (persistence == Persistence::kClose) {
    pen << "Connection: close\r\n";
  } else if (client_minor_version < 1) {
    pen << "Connection: keep-alive\r\n";
  }
}

void WriteStatusLine(int status, std::string_view reason, Pen& pen) {
  pen << "HTTP/1.1 " << static_cast<std::uint64_t>(status) << ' ' << reason << kChunkEnd;
}

}  // namespace

Result<void> AppendRequestHead(const RequestHead& head,
                               const RequestRewrite& rewrite,
                               std::string& out) {
  const std::string_view path = rewrite.path.empty() ? head.path : rewrite.path;
  const std::string_view authority = rewrite.authority.empty() ? head.authority : rewrite.authority;
  if (authority.empty()) return CannotWrite("no Host to send: the request named none");
  if (!IsToken(head.method_text)) return CannotWrite("the method is not a token");
  if (!IsVisible(path) || !IsVisible(head.query) || !IsVisible(authority)) {
    return CannotWrite("a byte in the target or authority that cannot be sent");
  }
  const bool upgrades = rewrite.pass_upgrade && head.wants_upgrade;
  if (upgrades && !IsFieldValue(head.upgrade_protocol)) return CannotWrite("a malformed Upgrade");

  const FieldRules rules{head.headers, rewrite.extra, rewrite.drop, rewrite.drop_names};
  Pen pen(out, RoomFor(rules) + head.method_text.size() + path.size() + head.query.size() +
                   authority.size() * 2 + head.upgrade_protocol.size());
  pen << head.method_text << ' ';
  if (head.method == Method::kConnect) {
    pen << authority;
  } else {
    if (rewrite.use_absolute_form && path != "*") pen << "http://" << authority;
    pen << path;
    if (head.has_query) pen << '?' << head.query;
  }
  pen << " HTTP/1.1\r\n";
  pen.Field("Host", authority);
  HeaderSet never{HeaderId::kExpect};
  if (head.framing != BodyFraming::kChunked) never.Insert(HeaderId::kTrailer);
  if (!WriteFields(rules, never, pen)) {
    pen.Discard();
    return CannotWrite("a header with a control character or a name that is no token");
  }
  WriteFraming(head.framing, head.content_length, pen);
  if (upgrades) {
    pen << "Connection: upgrade\r\n";
    pen.Field("Upgrade", head.upgrade_protocol);
  } else if (rewrite.persistence == Persistence::kClose) {
    pen << "Connection: close\r\n";
  }
  pen << kChunkEnd;
  return {};
}

Result<ResponseFraming> AppendResponseHead(const ResponseHead& head,
                                           const ResponseRewrite& rewrite,
                                           std::string& out) {
  if (head.status < 100 || head.status > 999) return CannotWrite("the status is not 100..999");
  const bool upgrades = head.is_upgrade && rewrite.pass_upgrade;
  if (!IsFieldValue(head.reason) || !IsFieldValue(head.upgrade_protocol)) {
    return CannotWrite("a control character in the reason phrase or Upgrade");
  }
  const ResponseFraming sent = FrameFor(head, rewrite);
  const FieldRules rules{head.headers, rewrite.extra, rewrite.drop, rewrite.drop_names};
  Pen pen(out, RoomFor(rules) + head.reason.size() + head.upgrade_protocol.size());
  WriteStatusLine(head.status, head.reason, pen);
  HeaderSet never;
  if (sent.framing != BodyFraming::kChunked) never.Insert(HeaderId::kTrailer);
  if (!WriteFields(rules, never, pen)) {
    pen.Discard();
    return CannotWrite("a header with a control character or a name that is no token");
  }
  if (upgrades) {
    pen << "Connection: upgrade\r\n";
    pen.Field("Upgrade", head.upgrade_protocol);
  } else if (!head.is_interim() && !head.is_tunnel) {
    WriteFraming(sent.framing, sent.content_length, pen);
    // What a GET would have got (RFC 9110 §8.6).
    const bool describes_body = rewrite.request_method == Method::kHead || head.status == 304;
    if (sent.framing == BodyFraming::kNone && describes_body && head.has_content_length) {
      WriteFraming(BodyFraming::kLength, head.content_length, pen);
    }
    WriteConnection(sent.persistence, rewrite.client_minor_version, pen);
  }
  pen << kChunkEnd;
  return sent;
}

void AppendChunkHeader(std::uint64_t size, std::string& out) {
  SLUICE_ASSERT(size >= 1);
  char digits[16];
  const auto written = std::to_chars(digits, digits + sizeof(digits), size, 16);
  out.append(digits, written.ptr);
  out.append(kChunkEnd);
}

void AppendLastChunk(std::string& out) {
  out.append("0\r\n\r\n");
}

void AppendLastChunk(const HeaderTable& trailers, std::string& out) {
  out.append("0\r\n");
  for (const HeaderField& field : trailers) {
    if (kForbiddenTrailers.Contains(field.id)) continue;
    if (!IsToken(field.name) || !IsFieldValue(field.value)) continue;
    out.append(field.name).append(": ").append(field.value).append(kChunkEnd);
  }
  out.append(kChunkEnd);
}

Result<void> AppendSimpleResponse(const SimpleResponse& response, std::string& out) {
  if (response.status < 200 || response.status > 999) {
    return CannotWrite("the status is not 200..999");
  }
  if (!IsFieldValue(response.content_type)) return CannotWrite("a malformed content type");
  static const HeaderTable kNoHeaders;
  const FieldRules rules{kNoHeaders, response.extra, {}, {}};
  const bool may_have_body = response.status != 204 && response.status != 304;
  Pen pen(out, RoomFor(rules) + response.content_type.size() + response.body.size());
  WriteStatusLine(response.status, ReasonPhrase(response.status), pen);
  if (!response.content_type.empty()) pen.Field("Content-Type", response.content_type);
  if (!WriteFields(rules, {}, pen)) {
    pen.Discard();
    return CannotWrite("a header with a control character or a name that is no token");
  }
  if (may_have_body) WriteFraming(BodyFraming::kLength, response.body.size(), pen);
  WriteConnection(response.persistence, response.client_minor_version, pen);
  pen << kChunkEnd;
  if (may_have_body && response.request_method != Method::kHead) pen << response.body;
  return {};
}

}  // namespace sluice::wire
