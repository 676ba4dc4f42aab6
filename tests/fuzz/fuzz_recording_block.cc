// Blocks of recordings: any bytes give a content or a refusal, and any place in a content gives a
// record or a refusal; a record that is read and written again is the same.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/wire/recording/block.h"

namespace sluice::fuzz {
namespace {

using wire::recording::RecordedExchange;
using wire::recording::RecordPlace;

void FuzzRecords(std::string_view content) {
  const ExactCopy exact(content);
  for (std::size_t offset = 0; offset <= content.size() && offset < 40; ++offset) {
    RecordedExchange exchange;
    const RecordPlace place{.offset = offset, .size = content.size() - offset};
    if (!ReadRecord(exact.view(), place, exchange)) continue;
    std::string again;
    const RecordPlace written = AppendRecord(exchange, again);
    SLUICE_ASSERT(written.size == place.size);
    SLUICE_ASSERT(again == content.substr(offset));
  }
}

void FuzzBlock(std::string_view bytes) {
  std::string content;
  if (wire::recording::UnpackBlock(ExactCopy(bytes).view(), content)) FuzzRecords(content);
  FuzzRecords(bytes);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  FuzzBlock(AsText(data, size));
  return 0;
}
