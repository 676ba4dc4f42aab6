// One header or trailer line (RFC 9112 §5), strictly:
//
//   field-line = token ":" OWS *( VCHAR / obs-text / SP / HTAB ) OWS

#pragma once

#include <string_view>

#include "sluice/wire/http_head.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

struct FieldLine {
  HeaderField field;              // Views of the line.
  bool has_underscore = false;    // In the name.
  bool has_space_behind = false;  // White space stood behind the value.
};

// Reads `line`, which is not empty and has no CRLF. Refuses folded lines, white space before the
// colon, names that are no token and control characters in the value.
Refusal ReadFieldLine(std::string_view line, FieldLine& out);

// What may never be a trailer: framing, routing, authentication, what the head has decided already
// (RFC 9110 §6.5.1), and what says who a client is.
inline constexpr HeaderSet kForbiddenTrailers =
    kIdentityHeaders | HeaderSet{HeaderId::kTraceparent,
                                 HeaderId::kTracestate,
                                 HeaderId::kBaggage,
                                 HeaderId::kHost,
                                 HeaderId::kConnection,
                                 HeaderId::kKeepAlive,
                                 HeaderId::kProxyConnection,
                                 HeaderId::kProxyAuthenticate,
                                 HeaderId::kProxyAuthorization,
                                 HeaderId::kTe,
                                 HeaderId::kTrailer,
                                 HeaderId::kTransferEncoding,
                                 HeaderId::kContentLength,
                                 HeaderId::kContentType,
                                 HeaderId::kContentEncoding,
                                 HeaderId::kContentRange,
                                 HeaderId::kExpect,
                                 HeaderId::kUpgrade,
                                 HeaderId::kHttp2Settings,
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
                                 HeaderId::kVary,
                                 HeaderId::kAge,
                                 HeaderId::kRange};

}  // namespace sluice::wire
