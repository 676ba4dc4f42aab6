// Response heads: the result depends on the bytes and on the request's method, not on the cut, and
// what is written anew reads as the same response and is a fixed point.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"

namespace sluice::fuzz {
namespace {

using wire::BodyFraming;
using wire::HeadLimits;
using wire::HeadProgress;
using wire::Method;
using wire::ResponseFraming;
using wire::ResponseHead;
using wire::ResponseHeadReader;

struct Outcome {
  bool complete = false;
  std::size_t consumed = 0;
  std::string detail;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Read(ResponseHeadReader& reader, std::string_view input, Cut cut) {
  Outcome outcome;
  while (!input.empty() && !outcome.complete) {
    const ExactCopy piece(input.substr(0, PieceSize(input, cut)));
    const Result<HeadProgress> progress = reader.Feed(piece.view());
    if (!progress) {
      SLUICE_ASSERT(progress.error().code == ErrorCode::kBadResponse);
      return {.detail = progress.error().detail};
    }
    outcome.complete = progress->complete;
    outcome.consumed += progress->consumed;
    input.remove_prefix(progress->consumed);
  }
  return outcome;
}

struct Written {
  std::string bytes;
  ResponseFraming framing;
};

Written Write(const ResponseHead& head, Method method, int minor_version) {
  Written written;
  const Result<ResponseFraming> framing = wire::AppendResponseHead(
      head, {.request_method = method, .client_minor_version = minor_version, .pass_upgrade = true},
      written.bytes);
  SLUICE_ASSERT(framing.has_value());
  written.framing = *framing;
  return written;
}

void CheckRewriting(const ResponseHead& head, Method method) {
  const Written once = Write(head, method, 1);
  SLUICE_ASSERT(once.framing.framing != BodyFraming::kUntilClose);
  ResponseHeadReader again(
      HeadLimits{.start_line_max = 16 * kKiB, .header_block_max = 64 * kKiB, .headers_max = 200});
  again.Reset(method);
  const Outcome outcome = Read(again, once.bytes, Cut::kWhole);
  SLUICE_ASSERT(outcome.complete);
  SLUICE_ASSERT(outcome.consumed == once.bytes.size());
  SLUICE_ASSERT(again.head().status == head.status);
  SLUICE_ASSERT(again.head().framing == once.framing.framing);
  SLUICE_ASSERT(again.head().is_upgrade == head.is_upgrade);
  SLUICE_ASSERT(Write(again.head(), method, 1).bytes == once.bytes);
  SLUICE_ASSERT(Write(head, method, 0).framing.framing != BodyFraming::kChunked);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const std::string_view input = AsText(data, size);
  for (const Method method : {Method::kGet, Method::kHead, Method::kConnect}) {
    ResponseHeadReader whole;
    whole.Reset(method);
    const Outcome expected = Read(whole, input, Cut::kWhole);
    for (const Cut cut : kCuts) {
      ResponseHeadReader reader;
      reader.Reset(method);
      SLUICE_ASSERT(Read(reader, input, cut) == expected);
    }
    if (expected.complete) CheckRewriting(whole.head(), method);
  }
  return 0;
}
