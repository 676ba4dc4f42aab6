// Memory of coroutine frames: free lists by size class, one set per thread.
//
// A frame is freed on the thread that made it (an exchange lives on one loop), so no list needs a
// lock. Frames above kFrameBytesMax come from the heap. Under AddressSanitizer every frame comes
// from the heap, so that a use after free is seen.

#pragma once

#include <cstddef>

namespace sluice {

inline constexpr std::size_t kFrameBytesMax = 4096;

[[nodiscard]] void* AllocateFrame(std::size_t bytes);
void FreeFrame(void* frame, std::size_t bytes) noexcept;

}  // namespace sluice
