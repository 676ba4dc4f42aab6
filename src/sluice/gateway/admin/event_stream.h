// The stream of `GET /api/v1/events`: changes of state as server-sent events (WHATWG HTML, section
// 9.2), from the time of the request on, or after the number in `?after=`.
//
// Belongs to the control loop. Bounded: what a slow reader misses is missing.

#pragma once

#include "sluice/contract/loop.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/event_feed.h"

namespace sluice::gateway::admin {

inline constexpr std::string_view kEvents = "/api/v1/events";

// Sends the head and then events until the client goes away or `stopping` is true. All four must
// outlive the task. `after`: the number of the last event that the client knows.
[[nodiscard]] Task<void> StreamEvents(
    Loop& loop, Stream& stream, const EventFeed& feed, std::uint64_t after, const bool& stopping);

}  // namespace sluice::gateway::admin
