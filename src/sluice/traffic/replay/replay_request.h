// ReplayRequest: a recorded request as it is sent again.
//
// What belongs to the old connection and framing is left out and written anew; the request says
// that it is a replay (`x-sluice-purpose: replay`), so that a gateway on the way does not record
// it. What would change something (RFC 9110 section 9.2.1) is not sent unless that is allowed.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sluice/wire/http_head.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::traffic::replay {

enum class Writes : std::uint8_t { kRefuse, kAllow };

struct RewriteOptions {
  Writes writes = Writes::kRefuse;
  std::string host;  // Instead of the recorded one; empty: that.
  std::vector<std::pair<std::string, std::string>> set_headers;  // Replace or are added.
  std::vector<std::string> drop_headers;
};

// Why a request is not sent.
enum class Skip : std::uint8_t { kNone, kWrite, kTruncated, kMalformed };
inline constexpr std::size_t kSkipCount = 4;
[[nodiscard]] std::string_view NameOf(Skip skip);

struct ReplayRequest {
  Skip skip = Skip::kNone;
  wire::Method method = wire::Method::kGet;
  std::string bytes;  // Head and body.
};

[[nodiscard]] ReplayRequest PrepareRequest(const wire::recording::RecordedExchange& exchange,
                                           const RewriteOptions& options);

}  // namespace sluice::traffic::replay
