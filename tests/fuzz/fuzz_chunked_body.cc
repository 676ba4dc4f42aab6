// Chunked bodies: content, end and refusal depend on the bytes and not on the cut, and the content
// written as chunks again reads as the same content.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_write.h"

namespace sluice::fuzz {
namespace {

using wire::BodyDecoder;
using wire::BodyFraming;
using wire::BodyPiece;

struct Outcome {
  std::string content;
  std::string trailers;
  std::size_t consumed = 0;  // 0 when refused.
  bool finished = false;
  bool refused = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void CheckPiece(const BodyPiece& piece, std::string_view input) {
  SLUICE_ASSERT(piece.consumed >= 1);
  SLUICE_ASSERT(piece.consumed <= input.size());
  if (piece.data.empty()) return;
  SLUICE_ASSERT(piece.data.data() >= input.data());
  SLUICE_ASSERT(piece.data.data() + piece.data.size() <= input.data() + piece.consumed);
}

Outcome Decode(std::string_view input, Cut cut) {
  Outcome outcome;
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
  while (!input.empty() && !decoder.finished()) {
    const ExactCopy copy(input.substr(0, PieceSize(input, cut)));
    const Result<BodyPiece> piece = decoder.Next(copy.view());
    if (!piece) {
      outcome.refused = true;
      outcome.consumed = 0;
      return outcome;
    }
    CheckPiece(*piece, copy.view());
    outcome.content.append(piece->data);
    outcome.consumed += piece->consumed;
    input.remove_prefix(piece->consumed);
  }
  outcome.finished = decoder.finished();
  SLUICE_ASSERT(decoder.decoded_bytes() == outcome.content.size());
  SLUICE_ASSERT(decoder.FinishAtClose().has_value() == outcome.finished);
  if (outcome.finished) wire::AppendLastChunk(decoder.trailers(), outcome.trailers);
  return outcome;
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const std::string_view input = AsText(data, size);
  const Outcome expected = Decode(input, Cut::kWhole);
  for (const Cut cut : kCuts)
    SLUICE_ASSERT(Decode(input, cut) == expected);
  if (!expected.finished) return 0;

  std::string again;
  if (!expected.content.empty()) {
    sluice::wire::AppendChunkHeader(expected.content.size(), again);
    again.append(expected.content).append(sluice::wire::kChunkEnd);
  }
  again.append(expected.trailers);
  const Outcome same = Decode(again, Cut::kWhole);
  SLUICE_ASSERT(same.finished);
  SLUICE_ASSERT(same.consumed == again.size());
  SLUICE_ASSERT(same.content == expected.content);
  SLUICE_ASSERT(same.trailers == expected.trailers);
  return 0;
}
