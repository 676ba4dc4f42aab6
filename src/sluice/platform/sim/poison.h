// Marks memory as dead: readable as 0xDD, and a fault under AddressSanitizer.

#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_SIM_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_SIM_POISONS 1
#endif
#endif

#ifdef SLUICE_SIM_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace sluice::sim {

inline constexpr unsigned char kDeadByte = 0xdd;

inline void Poison([[maybe_unused]] const char* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef SLUICE_SIM_POISONS
  __asan_poison_memory_region(memory, bytes);
#endif
}

inline void Unpoison([[maybe_unused]] const char* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef SLUICE_SIM_POISONS
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

// True when reading `memory` would be a fault; always false without AddressSanitizer.
inline bool IsPoisoned([[maybe_unused]] const char* memory) {
#ifdef SLUICE_SIM_POISONS
  return __asan_address_is_poisoned(memory) != 0;
#else
  return false;
#endif
}

}  // namespace sluice::sim
