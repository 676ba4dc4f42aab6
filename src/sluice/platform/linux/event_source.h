// EventSource: something with a file descriptor that wants to hear from the reactor.

#pragma once

#include <cstdint>

#include "sluice/contract/assert.h"

namespace sluice::platform {

class EventSource {
 public:
  EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;

  // `events` are epoll's (EPOLLIN, …), or 0 when the reactor calls back because of Defer(). May
  // destroy this source or any other.
  virtual void OnReady(std::uint32_t events) = 0;

 protected:
  ~EventSource() { SLUICE_ASSERT(slot_ == kNoSlot && next_ == nullptr); }

 private:
  friend class Reactor;
  static constexpr std::uint32_t kNoSlot = UINT32_MAX;

  EventSource* next_ = nullptr;  // In the list of deferred sources while not null.
  EventSource* previous_ = nullptr;
  std::uint32_t slot_ = kNoSlot;
};

}  // namespace sluice::platform
