// Reads recordings of GoReplay (`.gor` files).
//
//   file    = *( header LF payload LF separator LF )
//   header  = type SP id SP unix-nanoseconds [ SP latency-nanoseconds ]
//   type    = "1" (request) / "2" (response) / "3" (response to a replay)
//
// A payload is the bytes of one HTTP/1 message. Requests and responses belong together by id.

#pragma once

#include <string_view>

#include "sluice/wire/recording/imported.h"

namespace sluice::wire::recording {

// Any bytes give an outcome. Requests without a response are kept; what a replay was answered is
// not; messages that are no HTTP/1, and responses without a request, count as unreadable.
[[nodiscard]] Imported ReadGor(std::string_view file);

}  // namespace sluice::wire::recording
