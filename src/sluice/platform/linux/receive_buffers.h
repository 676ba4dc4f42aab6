// ReceiveBuffers: the one hot receive buffer of a loop, and the spares that replace it while it is
// kept.
//
// Every receive of a loop goes into the same 128 KiB, which therefore stay in the cache. A kept
// buffer is replaced by the spare that was given back last (the warmest); spares above the bound
// are freed. Not thread-safe: belongs to one loop.

#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/stream.h"

namespace sluice::platform {

class ReceiveBuffers final : public ReceiveBufferOwner {
 public:
  static constexpr Bytes kBufferBytes = Stream::kHotBufferBytes;

  explicit ReceiveBuffers(std::size_t spares_max);
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;
  // Requires that every kept buffer came back.
  ~ReceiveBuffers();

  // kBufferBytes of memory for the next receive.
  [[nodiscard]] char* hot() { return hot_.get(); }

  // Hands the hot buffer over to the caller and takes another.
  [[nodiscard]] ReceiveBuffer Keep();
  void ReleaseReceiveBuffer(char* buffer) override;

  [[nodiscard]] std::size_t kept() const { return kept_; }
  [[nodiscard]] std::size_t spares() const { return spares_.size(); }

 private:
  struct Free {
    void operator()(char* buffer) const { std::free(buffer); }
  };
  using Buffer = std::unique_ptr<char, Free>;
  static Buffer Allocate();

  std::size_t spares_max_;
  std::size_t kept_ = 0;
  Buffer hot_;
  std::vector<Buffer> spares_;
};

}  // namespace sluice::platform
