#include "sluice/contract/assert.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace sluice {
namespace {

// Process-wide on purpose: a bug is counted wherever it happens, also where nothing was passed in.
std::atomic<std::uint64_t> bug_count{0};
std::atomic<OnBug> on_bug{OnBug::kAbort};

}  // namespace

void AssertFailed(std::string_view condition, const std::source_location& where) {
  std::fprintf(stderr, "assertion failed: %.*s at %s:%u in %s\n",
               static_cast<int>(condition.size()), condition.data(), where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name());
  std::abort();
}

void ReportBug(std::string_view where) {
  bug_count.fetch_add(1, std::memory_order_relaxed);
  std::fprintf(stderr, "bug: %.*s\n", static_cast<int>(where.size()), where.data());
  if (on_bug.load(std::memory_order_relaxed) == OnBug::kAbort) std::abort();
}

void SetOnBug(OnBug action) {
  on_bug.store(action, std::memory_order_relaxed);
}

std::uint64_t BugCount() {
  return bug_count.load(std::memory_order_relaxed);
}

}  // namespace sluice
