// HAR: any bytes are read; what was read, written and read again is the same.

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/fuzz_pieces.h"
#include "tests/fuzz/imported_checks.h"

#include "sluice/wire/recording/har.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const ExactCopy copy(AsText(data, size));
  CheckImported(sluice::wire::recording::ReadHar(copy.view()));
  return 0;
}
