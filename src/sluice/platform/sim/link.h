// LinkOptions: what lies between the two ends of a simulated connection.
//
// Plain values. A server's address has one link, which all connections to it share in their options
// but not in their bandwidth; the server's end and the client's end see the same link.

#pragma once

#include <chrono>
#include <cstdint>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"

namespace sluice::sim {

struct LinkOptions {
  // One way. A connect completes after two of them, and its server accepts after three.
  Nanos latency = std::chrono::microseconds(50);
  // Of each direction of each connection; 0: no limit.
  std::uint64_t bytes_per_second = 0;
  // What a sender may have handed over and not yet sent; >= 1. Small values give partial sends.
  Bytes send_buffer_bytes = 64 * kKiB;
  // What may be on its way or unread at the receiver; >= 1.
  Bytes receive_buffer_bytes = 128 * kKiB;
  // Longer runs of bytes arrive in several pieces; >= 1.
  Bytes segment_bytes_max = 16 * kKiB;
  // A reset destroys what has arrived and was not read. Linux keeps it; RFC 9112 section 9.6 warns
  // of those that do not.
  bool reset_discards_received = false;
};

}  // namespace sluice::sim
