// EventSource: something with a file descriptor that wants to hear from the reactor.

#pragma once

#include <cstdint>

#include "sluice/contract/assert.h"

namespace sluice::platform {

// Links of a list of deferred sources.
struct DeferredLink {
  DeferredLink* next = nullptr;
  DeferredLink* previous = nullptr;
};

class EventSource : private DeferredLink {
 public:
  EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;

  virtual ~EventSource() {
    SLUICE_ASSERT(slot_ == kNoSlot);
    SLUICE_ASSERT(next == nullptr);
  }

  // `events` are epoll's (EPOLLIN, …), or 0 when the reactor calls back because of Defer(). May
  // destroy this source or any other.
  virtual void OnReady(std::uint32_t events) = 0;

 private:
  friend class Reactor;
  static constexpr std::uint32_t kNoSlot = UINT32_MAX;

  std::uint32_t slot_ = kNoSlot;
};

}  // namespace sluice::platform
