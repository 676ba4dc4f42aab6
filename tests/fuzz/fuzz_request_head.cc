// Request heads: the result depends on the bytes and not on the cut, and what is written anew reads
// as the same request and is a fixed point.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/path.h"

namespace sluice::fuzz {
namespace {

using wire::HeadLimits;
using wire::HeadProgress;
using wire::RequestHead;
using wire::RequestHeadReader;

struct Outcome {
  bool complete = false;
  std::size_t consumed = 0;
  ErrorCode code{};
  std::string detail;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Read(RequestHeadReader& reader, std::string_view input, Cut cut) {
  Outcome outcome;
  while (!input.empty() && !outcome.complete) {
    const ExactCopy piece(input.substr(0, PieceSize(input, cut)));
    const Result<HeadProgress> progress = reader.Feed(piece.view());
    if (!progress) {
      // How much of the last piece was looked at is nobody's business.
      return {.code = progress.error().code, .detail = progress.error().detail};
    }
    SLUICE_ASSERT(progress->complete || progress->consumed == piece.view().size());
    outcome.complete = progress->complete;
    outcome.consumed += progress->consumed;
    input.remove_prefix(progress->consumed);
  }
  return outcome;
}

void CheckHead(const RequestHead& head) {
  SLUICE_ASSERT(head.framing != wire::BodyFraming::kUntilClose);
  SLUICE_ASSERT(head.framing == wire::BodyFraming::kLength || head.content_length == 0);
  SLUICE_ASSERT(head.content_length <= INT64_MAX);
  SLUICE_ASSERT(head.minor_version == 0 || !head.authority.empty());
  SLUICE_ASSERT(head.target.find_first_of(" \t\r\n\\#") == std::string_view::npos);
  for (const wire::HeaderField& field : head.headers) {
    SLUICE_ASSERT(!field.name.empty());
    SLUICE_ASSERT(field.value.find_first_of("\r\n") == std::string_view::npos);
  }
}

std::string Write(const RequestHead& head, std::string_view path) {
  std::string out;
  const std::string_view authority = head.authority.empty() ? "none" : std::string_view{};
  const Result<void> written = wire::AppendRequestHead(
      head, {.path = path, .authority = authority, .pass_upgrade = true}, out);
  SLUICE_ASSERT(written.has_value());
  return out;
}

void CheckRewriting(const RequestHead& head) {
  std::string scratch;
  const Result<std::string_view> path = wire::NormalizePath(head.path, scratch);
  const bool has_path = path && !path->empty();
  const std::string once = Write(head, has_path ? *path : head.path);
  // A space behind each colon and a Host of its own may make it longer than what was read.
  RequestHeadReader again(
      HeadLimits{.start_line_max = 16 * kKiB, .header_block_max = 64 * kKiB, .headers_max = 200});
  const Outcome outcome = Read(again, once, Cut::kWhole);
  SLUICE_ASSERT(outcome.complete);
  SLUICE_ASSERT(outcome.consumed == once.size());
  const RequestHead& same = again.head();
  SLUICE_ASSERT(same.method_text == head.method_text);
  SLUICE_ASSERT(same.query == head.query);
  SLUICE_ASSERT(same.framing == head.framing);
  SLUICE_ASSERT(same.content_length == head.content_length);
  SLUICE_ASSERT(same.wants_upgrade == head.wants_upgrade);
  SLUICE_ASSERT(Write(same, {}) == once);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const std::string_view input = AsText(data, size);
  RequestHeadReader whole;
  const Outcome expected = Read(whole, input, Cut::kWhole);
  for (const Cut cut : kCuts) {
    RequestHeadReader reader;
    SLUICE_ASSERT(Read(reader, input, cut) == expected);
  }
  if (!expected.complete) return 0;
  CheckHead(whole.head());
  CheckRewriting(whole.head());
  return 0;
}
