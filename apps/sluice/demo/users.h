// Who asks in the demo: bookings and searches of many users.

#pragma once

#include <cstddef>

#include "demo/http_client.h"

namespace sluice::demo {

// Each number is another user's.
[[nodiscard]] Question BookingOf(std::size_t number);
[[nodiscard]] Question SearchOf(std::size_t number);

}  // namespace sluice::demo
