// HeadFacts: what the framing, connection and routing fields of one head say together.
//
// This is where request smuggling is decided: one Content-Length or one `chunked`, never both,
// never two, never a list, never in another spelling (RFC 9112 §6; gateway policy in README.md).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/wire/field_line.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

struct HeadFacts {
  int minor_version = 1;
  std::size_t fields = 0;  // Lines seen, also those that were dropped.
  bool has_host = false;
  bool is_chunked = false;
  bool has_content_length = false;
  std::uint64_t content_length = 0;
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;
  bool has_upgrade = false;
  std::string_view upgrade_protocol;  // Of the first Upgrade field.
  bool expects_continue = false;
  bool has_unknown_expectation = false;

  // Takes one field into account.
  Refusal Take(const FieldLine& line);

  // RFC 9112 §9.3.
  [[nodiscard]] bool keep_alive() const {
    return !connection_close && (minor_version >= 1 || connection_keep_alive);
  }
  [[nodiscard]] bool asks_upgrade() const { return has_upgrade && connection_upgrade; }

 private:
  Refusal TakeContentLength(const FieldLine& line);
  Refusal TakeTransferEncoding(const FieldLine& line);
  Refusal TakeConnection(std::string_view value);
  void TakeExpect(std::string_view value);
};

}  // namespace sluice::wire
