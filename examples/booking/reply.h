// What the sample booking service answers: pure, so that every answer has an exact test.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/time.h"
#include "sluice/wire/http_head.h"

namespace booking {

struct Reply {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  sluice::Nanos delay{0};  // Before the answer, or before each chunk of it.
  int chunks = 0;          // Not 0: the body is sent so often, each time as a chunk.
};

struct Instance {
  std::string name;                 // Of this process, for x-instance and booking ids.
  std::uint64_t bookings_made = 0;  // Numbers the next booking.
};

// Answers GET and HEAD of /healthz, /search?q=, /price/{id}, /slow?ms=, /fail?status= and /stream,
// and POST /bookings, whose body must be JSON and comes back in the booking. 404 and 405 otherwise.
Reply ReplyTo(const sluice::wire::RequestHead& head, std::string_view body, Instance& instance);

}  // namespace booking
