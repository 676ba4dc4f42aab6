// RecordedExchange: one request and its answer as a recording keeps them. Plain values.
//
// The schema serves every reader of recordings: warm-up sends the requests again, a diff compares
// answers, and a case is made of a request and the calls it caused, which share a trace: an
// exchange therefore has a direction, a protocol, a trace with its parent, and a place in time.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/time.h"

namespace sluice::wire::recording {

// Seen from the service beside the gateway: what it was asked, and what it asked others.
enum class Direction : std::uint8_t { kIngress, kEgress };

[[nodiscard]] inline std::string_view NameOf(Direction direction) {
  return direction == Direction::kIngress ? "ingress" : "egress";
}

// One message of an exchange.
struct Message {
  // HTTP/1: the start line and the fields, each ended by CRLF, without the empty line behind them.
  // Empty: there was none. Other protocols have no head: all is body.
  std::string head;
  std::string body;              // Content without transfer framing; its beginning when cut.
  std::uint64_t body_bytes = 0;  // Of the content in full.
  bool is_truncated = false;     // `body` is only the beginning. Its size may differ for masking.
  bool is_opaque = false;        // Encoded so that it could not be masked, and therefore not kept.
};

struct RecordedExchange {
  Direction direction = Direction::kIngress;
  std::string protocol = "http/1.1";
  WallTime started{};          // When the head of the request was complete.
  Nanos duration{0};           // Until the last byte of the answer.
  Nanos upstream_duration{0};  // Until the upstream's response head; 0: no upstream answered.
  std::string method;          // "GET"
  std::string host;            // The authority asked for, with its port where it had one.
  std::string target;          // Path and query, masked.
  int status = 0;              // 0: nothing was answered.
  std::string listener;
  std::string route;
  std::string upstream;          // The upstream asked; empty: none.
  std::string endpoint;          // Its address.
  std::string version;           // Of the release that answered; empty: there is only one.
  std::string reason = "ok";     // As in the access log.
  std::string trace_id;          // 32 hex digits.
  std::string span_id;           // 16: of this exchange, as the upstream was told.
  std::string parent_id;         // 16: of who asked; empty where the trace began here.
  std::uint64_t sequence = 0;    // Order of beginning, within one run of a gateway.
  std::uint64_t connection = 0;  // Equal for the exchanges of one client connection; 0: unknown.
  std::uint32_t attempts = 0;
  std::uint32_t masked = 0;  // Values that were masked.
  Message request;
  Message response;
};

struct HeaderLine {
  std::string_view name;
  std::string_view value;
};

// The start line of a head, without its CRLF.
[[nodiscard]] std::string_view StartLineOf(std::string_view head);
// The fields of a head in their order. Views of `head`; lines without a colon are left out.
[[nodiscard]] std::vector<HeaderLine> FieldsOf(std::string_view head);
// The value of the first field `name`, in any case; empty when there is none.
[[nodiscard]] std::string_view FieldOf(std::string_view head, std::string_view name);

// Sets method, target and status from the start lines of both heads, and the host from its field.
void FillFromHeads(RecordedExchange& exchange);

}  // namespace sluice::wire::recording
