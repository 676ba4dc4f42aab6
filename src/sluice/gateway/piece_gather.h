// PieceGather: the content of one received view as one piece, however many chunks it came in.
//
// One chunk (or a body without chunks) stays where it is; several are copied together, so that each
// view costs one send and nothing has to survive between sends.

#pragma once

#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/wire/http1_body.h"

namespace sluice::gateway {

struct Gathered {
  ByteView data;  // Of the input, or of the scratch string.
  Bytes consumed = 0;
  bool finished = false;  // The body ends within the input.
};

// Decodes all of `input` that belongs to the body. `scratch` is overwritten.
[[nodiscard]] inline Result<Gathered> Gather(wire::BodyDecoder& decoder,
                                             ByteView input,
                                             std::string& scratch) {
  Gathered gathered{.data = {}, .consumed = 0, .finished = decoder.finished()};
  bool is_copied = false;
  while (!gathered.finished && gathered.consumed < input.size()) {
    const Result<wire::BodyPiece> piece = decoder.Next(input.substr(gathered.consumed));
    if (!piece) return std::unexpected(piece.error());
    gathered.consumed += piece->consumed;
    gathered.finished = piece->finished;
    if (piece->data.empty()) continue;
    if (gathered.data.empty()) {
      gathered.data = piece->data;
      continue;
    }
    if (!is_copied) scratch.assign(gathered.data);
    is_copied = true;
    scratch += piece->data;
    gathered.data = scratch;
  }
  return gathered;
}

}  // namespace sluice::gateway
