// Choosing a degraded answer and wording a refusal allocate nothing.

#include <string>

#include <gtest/gtest.h>

#include "sluice/contract/allocation_count.h"
#include "sluice/degrade/chain.h"
#include "sluice/degrade/refusal.h"

namespace sluice::degrade {
namespace {

TEST(Allocation, ChoosingAStepAllocatesNothing) {
  const auto chain = *DegradeChain::Create(
      {.name = "a-name-too-long-for-the-small-string-optimisation",
       .steps = {{.answer = StaleCacheAnswer{}}, {.answer = RejectAnswer{}}}});
  const std::uint64_t before = AllocationCount();
  for (int request = 0; request < 100; ++request) {
    const std::optional<Choice> choice = chain->Choose(ErrorCode::kOverloaded, "POST");
    EXPECT_TRUE(choice.has_value());
  }
  EXPECT_EQ(AllocationCount(), before);
}

TEST(Allocation, WordingARefusalIntoAStringWithCapacityAllocatesNothing) {
  const Error error{.code = ErrorCode::kRateLimited, .guard = "rate_limit", .rule = "per-user"};
  const RateLimitStatus status{.limit = 100, .period = std::chrono::seconds(1), .burst = 20};
  std::string out;
  out.reserve(512);
  const std::uint64_t before = AllocationCount();
  AppendReason(error, out);
  AppendBody(error, out);
  AppendRateLimitPolicy(status, out);
  AppendRateLimit(status, out);
  AppendNumber(RetryAfterSeconds(error.retry_after), out);
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_LE(out.size(), 512U);
}

}  // namespace
}  // namespace sluice::degrade
