// MemorySink: a ByteSink that keeps what it was given, for tests to read.
//
// Not thread-safe: belongs to one loop.

#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "sluice/contract/byte_sink.h"
#include "sluice/contract/bytes.h"

namespace sluice::sim {

class MemorySink final : public ByteSink {
 public:
  // Takes at most `bytes_max` bytes until Take() makes room.
  explicit MemorySink(Bytes bytes_max = std::numeric_limits<Bytes>::max())
      : bytes_max_(bytes_max) {}

  [[nodiscard]] bool Append(std::string& buffer) override;

  // What was appended and not yet taken.
  [[nodiscard]] const std::string& text() const { return text_; }
  // Hands out the text and makes room, as a file does whose writes were carried out.
  [[nodiscard]] std::string Take() { return std::exchange(text_, {}); }
  [[nodiscard]] std::uint64_t refused_total() const { return refused_total_; }

 private:
  Bytes bytes_max_;
  std::string text_;
  std::uint64_t refused_total_ = 0;
};

}  // namespace sluice::sim
