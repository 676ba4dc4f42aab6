// What the services behind a booking answer: pure, so that every answer has an exact test.
//
//   user          GET  /users/NAME           {"name", "tier"}: "gold" or "standard"
//   cart          GET  /carts/NAME           {"hotel", "room", "nights"}; ?hotel=, ?room= change it
//   inventory     POST /reservations         201 {"reservation"}
//   price         GET  /quotes/HOTEL/NIGHTS  {"amount_cents"}; ?percent=N takes N off
//   coupons       GET  /coupons/NAME         {"percent"}
//   risk          GET  /scores/NAME          {"score"}: 0 .. 100; "mallory" has 95
//   payment       POST /charges              201 {"charge"}; 402 for "pauper"
//   notification  POST /messages             202 {"queued"}
//   each          GET  /healthz, GET /stats  {"requests", "done"}
//
// What POST does it does once for an `idempotency-key`: a repetition gets the same answer and is
// not counted in `done`.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "booking/http_server.h"
#include "booking/role.h"

#include "sluice/wire/http_head.h"

namespace booking {

// The keys of late: bounded, the oldest go first.
class KeyMemory {
 public:
  static constexpr std::size_t kKeysMax = 100'000;
  // True when the key is new; an empty one always is.
  bool Remember(std::string_view key);

 private:
  std::deque<std::string> order_;
  std::unordered_set<std::string> keys_;
};

struct RoleState {
  std::uint64_t requests = 0;  // All but /healthz and /stats.
  std::uint64_t done = 0;      // Reservations, charges or messages made.
  KeyMemory keys;
};

// True for the requests that are answered at once, whatever the service has to do.
[[nodiscard]] bool IsAboutItself(const sluice::wire::RequestHead& head);

// 404, 405 and 400 for what the role does not know.
[[nodiscard]] Reply ReplyOf(Role role,
                            const sluice::wire::RequestHead& head,
                            std::string_view body,
                            RoleState& state);

}  // namespace booking
