// ChunkLine: reads one chunk line byte by byte (RFC 9112 §7.1), strictly:
//
//   chunk-line = 1*16HEXDIG *( ";" token [ "=" ( token / quoted-string ) ] ) CRLF
//
// No white space anywhere outside quotes, no sign, no "0x", no bare LF or CR, size below 2^63.

#pragma once

#include <cstdint>

#include "sluice/contract/bytes.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

class ChunkLine {
 public:
  // Takes the next byte. Refuses what the grammar above does not have.
  Refusal Take(char byte);

  [[nodiscard]] bool complete() const { return state_ == State::kComplete; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // From ';' up to here.
  [[nodiscard]] Bytes extension_bytes() const { return extension_bytes_; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtensionNameStart,
    kExtensionName,
    kExtensionValueStart,
    kExtensionToken,
    kExtensionQuoted,
    kExtensionEscaped,
    kExtensionQuoteEnd,
    kLf,
    kComplete,
  };

  Refusal TakeSize(char byte);
  Refusal TakeExtension(char byte);
  Refusal TakeQuoted(char byte);
  // What may follow a complete name or value.
  Refusal TakeBoundary(char byte);

  State state_ = State::kSize;
  std::uint8_t digits_ = 0;
  std::uint64_t size_ = 0;
  Bytes extension_bytes_ = 0;
};

}  // namespace sluice::wire
