#include "sluice/platform/linux/receive_buffers.h"

#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::platform {

ReceiveBuffers::ReceiveBuffers(std::size_t spares_max) : spares_max_(spares_max), hot_(Allocate()) {
  spares_.reserve(spares_max_);
}

ReceiveBuffers::~ReceiveBuffers() {
  SLUICE_ASSERT(kept_ == 0);
}

ReceiveBuffers::Buffer ReceiveBuffers::Allocate() {
  constexpr std::size_t kPageBytes = 4096;
  Buffer buffer(static_cast<char*>(std::aligned_alloc(kPageBytes, kBufferBytes)));
  SLUICE_ASSERT(buffer != nullptr);
  return buffer;
}

ReceiveBuffer ReceiveBuffers::Keep() {
  ++kept_;
  ReceiveBuffer handle(*this, hot_.release());
  if (spares_.empty()) {
    hot_ = Allocate();
  } else {
    hot_ = std::move(spares_.back());
    spares_.pop_back();
  }
  return handle;
}

void ReceiveBuffers::ReleaseReceiveBuffer(char* buffer) {
  SLUICE_ASSERT(kept_ > 0);
  --kept_;
  Buffer returned(buffer);
  if (spares_.size() < spares_max_) spares_.push_back(std::move(returned));
}

}  // namespace sluice::platform
