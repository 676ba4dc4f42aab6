// What is done about exchanges that hold much memory while there is little: the largest end.
//
// One in ten of those that hold more than kLargeBytes at full activation, fewer below, at least one
// each time; the smaller ones would free nothing. Their clients see a reset, and the access log
// says OV.

#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/session.h"

namespace sluice::gateway {

inline constexpr Bytes kLargeBytes = 8 * kKiB;
inline constexpr Nanos kStreamResetInterval = std::chrono::milliseconds(250);

// How many of `large` exchanges end at once; `ratio` 0 .. 1.
[[nodiscard]] std::size_t StreamsToReset(std::size_t large, double ratio);

// Ends them, the largest first, and returns how many.
std::size_t ResetLargest(std::span<Session* const> sessions, double ratio);

}  // namespace sluice::gateway
