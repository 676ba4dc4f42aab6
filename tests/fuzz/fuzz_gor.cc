// GoReplay's files: any bytes are read, and what comes out can be sent and written elsewhere.

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/fuzz_pieces.h"
#include "tests/fuzz/imported_checks.h"

#include "sluice/wire/recording/gor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const ExactCopy copy(AsText(data, size));
  CheckImported(sluice::wire::recording::ReadGor(copy.view()));
  return 0;
}
