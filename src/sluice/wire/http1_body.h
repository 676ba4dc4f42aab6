// BodyDecoder: finds the content and the end of an HTTP/1 body, without copying it.
//
// Content-Length bodies cost no work per byte. Chunked bodies go through our own strict scanner of
// chunk lines and trailers; llhttp reads the same bytes, and both must agree on where each piece
// and the message end, or the message is refused.
//
//   while (!input.empty() && !decoder.finished()) {
//     const Result<BodyPiece> piece = decoder.Next(input);
//     … piece->data …
//     input.remove_prefix(piece->consumed);
//   }
//
// Not thread-safe: one decoder belongs to one message at a time.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/wire/chunk_line.h"
#include "sluice/wire/http_head.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

class LlhttpChunks;

struct BodyLimits {
  Bytes chunk_extension_max = 256;         // Of one chunk, without CRLF.
  Bytes chunk_extensions_max = 16 * kKiB;  // Of one message. Extensions are never passed on.
  Bytes trailer_block_max = 8 * kKiB;      // All trailer lines with the empty one.
  std::size_t trailers_max = 32;
};

struct BodyPiece {
  Bytes consumed = 0;     // Of the given view, including framing that is not content.
  ByteView data;          // A part of the given view: it dies with it. May be empty.
  bool finished = false;  // The body ends here; what follows in the view is not of this message.
};

class BodyDecoder {
 public:
  explicit BodyDecoder(const BodyLimits& limits = {});
  BodyDecoder(BodyDecoder&&) noexcept;
  BodyDecoder& operator=(BodyDecoder&&) noexcept;
  ~BodyDecoder();

  // Begins a body. `side` is who sends it: errors are kBadRequest for kClient and kBadResponse for
  // kUpstream. kNone and a length of 0 are finished at once.
  void Start(BodyFraming framing, std::uint64_t content_length, Side side);

  // Takes as much of `input` as gives one piece: data is empty only when the input ended within
  // framing, or with `finished`. Consumes at least one byte of a non-empty input unless finished;
  // consumes nothing after that. Fails with kBadRequest or kBadResponse, and ever after.
  [[nodiscard]] Result<BodyPiece> Next(ByteView input);

  // The peer ended its stream. Well for kUntilClose, which is finished by it, and for a finished
  // body; fails with kConnectionClosed where more was due.
  [[nodiscard]] Result<void> FinishAtClose();

  [[nodiscard]] bool finished() const { return stage_ == Stage::kFinished; }

  // Content bytes handed out so far.
  [[nodiscard]] std::uint64_t decoded_bytes() const { return decoded_bytes_; }
  // Content bytes still due by Content-Length; 0 for the other framings.
  [[nodiscard]] std::uint64_t remaining_length() const {
    return framing_ == BodyFraming::kLength ? remaining_ : 0;
  }

  // The trailers of a finished chunked body without those that may not be trailers (framing,
  // routing, authentication: RFC 9110 §6.5.1). Valid until Start(), a move or the end.
  [[nodiscard]] const HeaderTable& trailers() const { return trailers_; }

 private:
  enum class Stage : std::uint8_t {
    kFinished,
    kRaw,  // kLength and kUntilClose.
    kChunkLine,
    kChunkData,
    kChunkDataCr,
    kChunkDataLf,
    kTrailers,
    kFailed,
  };

  BodyPiece NextRaw(ByteView input);
  Refusal NextChunked(ByteView input, BodyPiece& piece);
  Refusal TakeFramingByte(char byte);
  Refusal TakeChunkLineByte(char byte);
  Refusal TakeTrailers(ByteView input, Bytes& consumed);
  Refusal TakeTrailerLine(std::string_view line);

  BodyLimits limits_;
  BodyFraming framing_ = BodyFraming::kNone;
  Side side_ = Side::kClient;
  Stage stage_ = Stage::kFinished;
  std::uint64_t remaining_ = 0;  // Of the length or of the chunk.
  std::uint64_t decoded_bytes_ = 0;
  ChunkLine chunk_line_;
  Bytes extensions_bytes_ = 0;
  std::string trailer_bytes_;
  Bytes trailer_line_start_ = 0;
  std::size_t trailers_seen_ = 0;
  HeaderTable trailers_;
  std::unique_ptr<LlhttpChunks> second_opinion_;  // Made at the first chunked body, then kept.
};

}  // namespace sluice::wire
