// ByteQueue: bytes in one run, appended at the end and taken from the front.

#pragma once

#include <string>

#include "sluice/contract/assert.h"
#include "sluice/contract/bytes.h"

namespace sluice::sim {

class ByteQueue {
 public:
  void Append(ByteView bytes) { text_.append(bytes); }
  [[nodiscard]] Bytes size() const { return text_.size() - taken_; }
  // Dead after the next change.
  [[nodiscard]] ByteView view() const { return ByteView(text_).substr(taken_); }

  void Take(Bytes count) {
    SLUICE_ASSERT(count <= size());
    taken_ += count;
    if (taken_ >= kCompactBytes && taken_ >= text_.size() / 2) {
      text_.erase(0, taken_);
      taken_ = 0;
    } else if (taken_ == text_.size()) {
      text_.clear();
      taken_ = 0;
    }
  }

  // Drops the end, so that `count` bytes are left.
  void Truncate(Bytes count) {
    SLUICE_ASSERT(count <= size());
    text_.resize(taken_ + count);
  }

 private:
  static constexpr Bytes kCompactBytes = 4 * kKiB;

  std::string text_;
  Bytes taken_ = 0;
};

}  // namespace sluice::sim
