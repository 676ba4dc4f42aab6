#include "sluice/wire/http1_body.h"

#include <algorithm>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/wire/field_line.h"
#include "sluice/wire/llhttp_chunks.h"

namespace sluice::wire {

BodyDecoder::BodyDecoder(const BodyLimits& limits)
    : limits_(limits), trailers_(limits.trailers_max) {}
BodyDecoder::BodyDecoder(BodyDecoder&&) noexcept = default;
BodyDecoder& BodyDecoder::operator=(BodyDecoder&&) noexcept = default;
BodyDecoder::~BodyDecoder() = default;

void BodyDecoder::Start(BodyFraming framing, std::uint64_t content_length, Side side) {
  framing_ = framing;
  side_ = side;
  remaining_ = framing == BodyFraming::kLength ? content_length : 0;
  decoded_bytes_ = 0;
  chunk_line_ = {};
  extensions_bytes_ = 0;
  trailer_bytes_.clear();
  trailer_line_start_ = 0;
  trailers_seen_ = 0;
  trailers_.Clear();
  const bool is_empty =
      framing == BodyFraming::kNone || (framing == BodyFraming::kLength && content_length == 0);
  stage_ = is_empty ? Stage::kFinished : Stage::kRaw;
  if (framing != BodyFraming::kChunked) return;
  stage_ = Stage::kChunkLine;
  if (!second_opinion_) second_opinion_ = std::make_unique<LlhttpChunks>();
  second_opinion_->Start();
}

Result<BodyPiece> BodyDecoder::Next(ByteView input) {
  if (stage_ == Stage::kRaw) return NextRaw(input);
  if (stage_ == Stage::kFinished) return BodyPiece{.finished = true};
  if (stage_ == Stage::kFailed) return ToError(Refuse("the body was refused before"), side_);
  BodyPiece piece;
  Refusal refusal = NextChunked(input, piece);
  if (!refusal) {
    refusal = second_opinion_->Compare(input.substr(0, piece.consumed), decoded_bytes_, finished());
  }
  if (refusal) {
    stage_ = Stage::kFailed;
    return ToError(refusal, side_);
  }
  piece.finished = finished();
  return piece;
}

Result<void> BodyDecoder::FinishAtClose() {
  if (stage_ == Stage::kRaw && framing_ == BodyFraming::kUntilClose) stage_ = Stage::kFinished;
  if (stage_ == Stage::kFinished) return {};
  return std::unexpected(Error{.code = ErrorCode::kConnectionClosed,
                               .side = side_,
                               .detail = "the body ended before its end"});
}

BodyPiece BodyDecoder::NextRaw(ByteView input) {
  if (framing_ == BodyFraming::kLength) {
    input = input.substr(0, static_cast<Bytes>(std::min<std::uint64_t>(remaining_, input.size())));
    remaining_ -= input.size();
    if (remaining_ == 0) stage_ = Stage::kFinished;
  }
  decoded_bytes_ += input.size();
  return {.consumed = input.size(), .data = input, .finished = finished()};
}

// Goes through framing until there is content to hand out, the end, or no more input.
Refusal BodyDecoder::NextChunked(ByteView input, BodyPiece& piece) {
  while (piece.consumed < input.size() && !finished()) {
    if (stage_ == Stage::kChunkData) {
      const Bytes left = input.size() - piece.consumed;
      const auto size = static_cast<Bytes>(std::min<std::uint64_t>(remaining_, left));
      piece.data = input.substr(piece.consumed, size);
      piece.consumed += size;
      remaining_ -= size;
      decoded_bytes_ += size;
      if (remaining_ == 0) stage_ = Stage::kChunkDataCr;
      return kFine;
    }
    Refusal refusal = kFine;
    if (stage_ == Stage::kTrailers) {
      refusal = TakeTrailers(input, piece.consumed);
    } else {
      refusal = TakeFramingByte(input[piece.consumed++]);
    }
    if (refusal) return refusal;
  }
  return kFine;
}

Refusal BodyDecoder::TakeFramingByte(char byte) {
  switch (stage_) {
    case Stage::kChunkDataCr:
      if (byte != '\r') return Refuse("no CRLF behind the data of a chunk");
      stage_ = Stage::kChunkDataLf;
      return kFine;
    case Stage::kChunkDataLf:
      if (byte != '\n') return Refuse("a bare CR behind the data of a chunk");
      stage_ = Stage::kChunkLine;
      chunk_line_ = {};
      return kFine;
    default:
      return TakeChunkLineByte(byte);
  }
}

Refusal BodyDecoder::TakeChunkLineByte(char byte) {
  const Bytes extension_before = chunk_line_.extension_bytes();
  if (const Refusal refusal = chunk_line_.Take(byte)) return refusal;
  extensions_bytes_ += chunk_line_.extension_bytes() - extension_before;
  if (chunk_line_.extension_bytes() > limits_.chunk_extension_max) {
    return Refuse("a chunk extension is too long");
  }
  if (extensions_bytes_ > limits_.chunk_extensions_max) {
    return Refuse("the chunk extensions of the message are too long");
  }
  if (!chunk_line_.complete()) return kFine;
  remaining_ = chunk_line_.size();
  stage_ = remaining_ > 0 ? Stage::kChunkData : Stage::kTrailers;
  return kFine;
}

// Gathers trailer lines; the views of the table stay true because the text never moves once its
// first byte was reserved for.
Refusal BodyDecoder::TakeTrailers(ByteView input, Bytes& consumed) {
  const ByteView left = input.substr(consumed);
  const std::size_t lf = left.find('\n');
  const ByteView part = left.substr(0, lf == ByteView::npos ? left.size() : lf + 1);
  if (trailer_bytes_.size() + part.size() > limits_.trailer_block_max) {
    return Refuse("the trailers are too large");
  }
  const bool has_trailers = !trailer_bytes_.empty() || part.front() != '\r';
  if (has_trailers) trailer_bytes_.reserve(limits_.trailer_block_max);
  trailer_bytes_.append(part);
  consumed += part.size();
  if (lf == ByteView::npos) return kFine;

  std::string_view line = std::string_view(trailer_bytes_).substr(trailer_line_start_);
  trailer_line_start_ = trailer_bytes_.size();
  if (line.size() < 2 || line[line.size() - 2] != '\r') {
    return Refuse("a trailer line ends in a bare LF");
  }
  line.remove_suffix(2);
  if (!line.empty()) return TakeTrailerLine(line);
  stage_ = Stage::kFinished;
  return kFine;
}

Refusal BodyDecoder::TakeTrailerLine(std::string_view line) {
  if (++trailers_seen_ > limits_.trailers_max) return Refuse("too many trailers");
  FieldLine trailer;
  if (const Refusal refusal = ReadFieldLine(line, trailer)) return refusal;
  if (trailer.field.id == HeaderId::kTransferEncoding) {
    return Refuse("Transfer-Encoding in the trailers");
  }
  if (trailer.has_underscore || kForbiddenTrailers.Contains(trailer.field.id)) return kFine;
  // Cannot be full: the count above is at least the table's.
  trailers_.Add(trailer.field);
  return kFine;
}

}  // namespace sluice::wire
