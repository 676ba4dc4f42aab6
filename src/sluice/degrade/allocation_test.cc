// Choosing a degraded answer and wording a refusal allocate nothing.

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "sluice/degrade/chain.h"
#include "sluice/degrade/refusal.h"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

// Replaces the operators of this test program, to count. Not inlined: g++ would warn of a free()
// that meets its own operator new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}

namespace sluice::degrade {
namespace {

TEST(Allocation, ChoosingAStepAllocatesNothing) {
  const auto chain = *DegradeChain::Create(
      {.name = "a-name-too-long-for-the-small-string-optimisation",
       .steps = {{.answer = StaleCacheAnswer{}}, {.answer = RejectAnswer{}}}});
  const std::size_t before = allocations.load();
  for (int request = 0; request < 100; ++request) {
    const std::optional<Choice> choice = chain->Choose(ErrorCode::kOverloaded, "POST");
    EXPECT_TRUE(choice.has_value());
  }
  EXPECT_EQ(allocations.load(), before);
}

TEST(Allocation, WordingARefusalIntoAStringWithCapacityAllocatesNothing) {
  const Error error{.code = ErrorCode::kRateLimited, .guard = "rate_limit", .rule = "per-user"};
  const RateLimitStatus status{.limit = 100, .period = std::chrono::seconds(1), .burst = 20};
  std::string out;
  out.reserve(512);
  const std::size_t before = allocations.load();
  AppendReason(error, out);
  AppendBody(error, out);
  AppendRateLimitPolicy(status, out);
  AppendRateLimit(status, out);
  AppendNumber(RetryAfterSeconds(error.retry_after), out);
  EXPECT_EQ(allocations.load(), before);
  EXPECT_LE(out.size(), 512U);
}

}  // namespace
}  // namespace sluice::degrade
