// AllocationCount: how often a test program has asked for memory.
//
// Linking `sluice_allocation_count` replaces the global operators new and delete of the program.
// For tests that promise a path without allocations; never part of the library.

#pragma once

#include <cstdint>

namespace sluice {

// Of all threads since the start, and of this thread alone.
[[nodiscard]] std::uint64_t AllocationCount();
[[nodiscard]] std::uint64_t ThreadAllocationCount();

// Under AddressSanitizer every coroutine frame comes from the heap (frame_pool.h), so that only
// without it a coroutine can be free of allocations.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kFramesArePooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kFramesArePooled = false;
#else
inline constexpr bool kFramesArePooled = true;
#endif
#else
inline constexpr bool kFramesArePooled = true;
#endif

}  // namespace sluice
