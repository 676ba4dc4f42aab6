// The two grades of "this must not happen".
//
// SLUICE_ASSERT(condition): a programmer's error that can be proved; always on, aborts.
// SLUICE_BUG(where): "cannot happen" on the request path. Aborts in tests and simulation; in
// production it is counted (sluice_bug_total{where}) and the caller fails that one request.

#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>

namespace sluice {

[[noreturn]] void AssertFailed(std::string_view condition, const std::source_location& where);

// Counts the bug, and aborts unless SetBugsAbort(false) was called.
void ReportBug(std::string_view where);

enum class OnBug : std::uint8_t { kAbort, kCount };

// kAbort until told otherwise; only the production main() says kCount.
void SetOnBug(OnBug action);

// How many bugs were counted since the start, over all threads.
[[nodiscard]] std::uint64_t BugCount();

}  // namespace sluice

#define SLUICE_ASSERT(condition)                                           \
  do {                                                                     \
    if (!(condition)) [[unlikely]] {                                       \
      ::sluice::AssertFailed(#condition, std::source_location::current()); \
    }                                                                      \
  } while (false)

#define SLUICE_BUG(where) ::sluice::ReportBug(where)
