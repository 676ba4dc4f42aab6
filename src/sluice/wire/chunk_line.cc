#include "sluice/wire/chunk_line.h"

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

constexpr std::uint8_t kDigitsMax = 16;
constexpr std::uint64_t kSizeMax = INT64_MAX;
constexpr Refusal kBadExtension{.rule = "a chunk extension is malformed"};

}  // namespace

Refusal ChunkLine::Take(char byte) {
  switch (state_) {
    case State::kSize:
      return TakeSize(byte);
    case State::kLf:
      if (byte != '\n') return Refuse("a bare CR in a chunk line");
      state_ = State::kComplete;
      return kFine;
    case State::kComplete:
      return Refuse("a byte behind a chunk line");
    default:
      if (byte == '\n') return Refuse("a chunk line ends in a bare LF");
      if (byte != '\r') ++extension_bytes_;
      return TakeExtension(byte);
  }
}

Refusal ChunkLine::TakeSize(char byte) {
  const int value = HexValue(byte);
  if (value >= 0) {
    if (++digits_ > kDigitsMax) return Refuse("a chunk size has more than 16 digits");
    size_ = size_ * 16 + static_cast<std::uint64_t>(value);
    return kFine;
  }
  if (byte == '\n') return Refuse("a chunk line ends in a bare LF");
  if (digits_ == 0) return Refuse("a chunk size does not begin with a digit");
  if (size_ > kSizeMax) return Refuse("a chunk size is over 2^63-1");
  if (byte == ';') ++extension_bytes_;
  if (byte == ';' || byte == '\r') return TakeBoundary(byte);
  return Refuse("a chunk size is not a plain hexadecimal number");
}

Refusal ChunkLine::TakeExtension(char byte) {
  switch (state_) {
    case State::kExtensionNameStart:
      if (!IsTokenChar(byte)) return kBadExtension;
      state_ = State::kExtensionName;
      return kFine;
    case State::kExtensionName:
      if (IsTokenChar(byte)) return kFine;
      if (byte != '=') return TakeBoundary(byte);
      state_ = State::kExtensionValueStart;
      return kFine;
    case State::kExtensionValueStart:
      if (byte != '"' && !IsTokenChar(byte)) return kBadExtension;
      state_ = byte == '"' ? State::kExtensionQuoted : State::kExtensionToken;
      return kFine;
    case State::kExtensionToken:
      return IsTokenChar(byte) ? kFine : TakeBoundary(byte);
    case State::kExtensionQuoteEnd:
      return TakeBoundary(byte);
    default:
      return TakeQuoted(byte);
  }
}

// quoted-string of RFC 9110 §5.6.4, behind its first quote.
Refusal ChunkLine::TakeQuoted(char byte) {
  if (!IsFieldValueByte(byte)) return kBadExtension;
  if (state_ == State::kExtensionEscaped) {
    state_ = State::kExtensionQuoted;
  } else if (byte == '\\') {
    state_ = State::kExtensionEscaped;
  } else if (byte == '"') {
    state_ = State::kExtensionQuoteEnd;
  }
  return kFine;
}

Refusal ChunkLine::TakeBoundary(char byte) {
  if (byte == ';') {
    state_ = State::kExtensionNameStart;
    return kFine;
  }
  if (byte != '\r') return kBadExtension;
  state_ = State::kLf;
  return kFine;
}

}  // namespace sluice::wire
