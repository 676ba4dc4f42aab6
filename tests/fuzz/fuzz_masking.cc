// Masking: any message can be masked, masking it again changes nothing, and no card number is left.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/wire/recording/masker.h"

namespace sluice::fuzz {
namespace {

using wire::recording::Masker;
using wire::recording::MaskFinding;
using wire::recording::RecordedExchange;

const Masker& TheMasker() {
  static const Masker masker = *Masker::Create({.json_paths = {"$.a[*].b", "$..c", "$.d.*"}},
                                               wire::recording::KeyedHash::Key{1, 2});
  return masker;
}

void FuzzMasking(std::string_view text, bool is_truncated) {
  RecordedExchange exchange;
  const std::size_t head = text.find("\r\n\r\n");
  exchange.request.head = head == std::string_view::npos ? text : text.substr(0, head + 2);
  exchange.response.body = text;
  exchange.response.is_truncated = is_truncated;
  TheMasker().Mask(exchange);
  const RecordedExchange once = exchange;
  std::vector<MaskFinding> findings;
  TheMasker().Mask(exchange, &findings);
  SLUICE_ASSERT(findings.empty());
  SLUICE_ASSERT(exchange.request.head == once.request.head);
  SLUICE_ASSERT(exchange.response.body == once.response.body);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const ExactCopy copy(AsText(data, size));
  FuzzMasking(copy.view(), /*is_truncated=*/false);
  FuzzMasking(copy.view(), /*is_truncated=*/true);
  return 0;
}
