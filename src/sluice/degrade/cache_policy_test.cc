#include "sluice/degrade/cache_policy.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::degrade {
namespace {

using std::chrono_literals::operator""s;

std::optional<Lifetime> KeptWith(std::string_view cache_control, CacheLeniency leniency = {}) {
  return MayKeep({}, {.cache_control = cache_control}, leniency);
}

TEST(CacheControl, ReadsItsDirectives) {
  const CacheControl control = CacheControl::Parse(
      R"(Public, max-age=60, s-maxage="30", stale-if-error=10, must-revalidate)");
  EXPECT_TRUE(control.is_public);
  EXPECT_TRUE(control.must_revalidate);
  EXPECT_EQ(control.max_age, 60s);
  EXPECT_EQ(control.shared_max_age, 30s);
  EXPECT_EQ(control.stale_if_error, 10s);
  EXPECT_FALSE(control.no_store);
  EXPECT_TRUE(CacheControl::Parse("no-store").no_store);
  EXPECT_TRUE(CacheControl::Parse("x=\"a, no-store\", no-cache=\"set-cookie\"").no_cache);
  EXPECT_FALSE(CacheControl::Parse("x=\"a, no-store\"").no_store);
  EXPECT_FALSE(CacheControl::Parse("x=\"\\\", no-store").no_store);
  EXPECT_TRUE(CacheControl::Parse("proxy-revalidate").must_revalidate);
}

TEST(CacheControl, TheStricterOfTwoCountsAndNonsenseIsNothing) {
  EXPECT_EQ(CacheControl::Parse("max-age=60, max-age=10").max_age, 10s);
  EXPECT_EQ(CacheControl::Parse("max-age=soon").max_age, 0s);
  EXPECT_EQ(CacheControl::Parse("max-age=-5").max_age, 0s);
  EXPECT_EQ(CacheControl::Parse("max-age").max_age, 0s);
  EXPECT_EQ(CacheControl::Parse("max-age=99999999999999999999").max_age, 2'147'483'648s);
  EXPECT_EQ(CacheControl::Parse(", ,").max_age, std::nullopt);
}

TEST(MayKeep, AnAnswerThatSaysNothingIsKeptAndStaleAtOnce) {
  const std::optional<Lifetime> kept = KeptWith("");
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->fresh_for, Nanos(0));
  EXPECT_EQ(kept->stale_for, std::nullopt);
}

TEST(MayKeep, FreshnessAndAgeAreTheOrigins) {
  const std::optional<Lifetime> kept =
      MayKeep({}, {.cache_control = "max-age=60, stale-if-error=5", .age = "12"}, {});
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->fresh_for, 60s);
  EXPECT_EQ(kept->age, 12s);
  EXPECT_EQ(kept->stale_for, 5s);
}

TEST(MayKeep, WhatTheOriginForbidsIsNotKeptUnlessLookedPast) {
  const CacheLeniency lenient{.cache_control = true};
  for (const std::string_view control : {"no-store", "private", "no-cache", "must-revalidate"}) {
    EXPECT_FALSE(KeptWith(control).has_value()) << control;
    EXPECT_TRUE(KeptWith(control, lenient).has_value()) << control;
  }
  EXPECT_FALSE(MayKeep({.cache_control = "no-store"}, {}, {}).has_value());
  EXPECT_TRUE(MayKeep({.cache_control = "no-store"}, {}, lenient).has_value());
  EXPECT_FALSE(MayKeep({}, {.vary = " * "}, lenient).has_value());
  EXPECT_FALSE(MayKeep({}, {.vary = "accept-encoding, *"}, lenient).has_value());
}

TEST(MayKeep, WhatMustBeRevalidatedIsKeptOnlyWhileItIsFresh) {
  for (const std::string_view control : {"max-age=9, must-revalidate", "s-maxage=9"}) {
    const std::optional<Lifetime> kept = KeptWith(control);
    ASSERT_TRUE(kept.has_value());
    EXPECT_EQ(kept->fresh_for, 9s);
    EXPECT_EQ(kept->stale_for, Nanos(0));
  }
  EXPECT_FALSE(MayKeep({}, {.cache_control = "s-maxage=9", .age = "9"}, {}).has_value());
}

TEST(MayKeep, SomebodysOwnAnswerIsKeptOnlyIfItIsForAllOrLookedPast) {
  const CacheRequest authorized{.has_authorization = true};
  EXPECT_FALSE(MayKeep(authorized, {}, {}).has_value());
  EXPECT_TRUE(MayKeep(authorized, {.cache_control = "public"}, {}).has_value());
  EXPECT_TRUE(MayKeep(authorized, {}, {.authorization = true}).has_value());
  const CacheRequest with_cookie{.has_cookie = true};
  EXPECT_FALSE(MayKeep(with_cookie, {}, {}).has_value());
  EXPECT_TRUE(MayKeep(with_cookie, {.cache_control = "public"}, {}).has_value());
  EXPECT_TRUE(MayKeep(with_cookie, {}, {.cookie = true}).has_value());
  EXPECT_FALSE(MayKeep({}, {.has_set_cookie = true}, {}).has_value());
  EXPECT_TRUE(MayKeep({}, {.has_set_cookie = true}, {.set_cookie = true}).has_value());
}

TEST(MayKeep, OnlyWholeAnswersThatLast) {
  for (const int status : {200, 203, 301, 308})
    EXPECT_TRUE(MayKeep({}, {.status = status}, {}).has_value()) << status;
  for (const int status : {204, 206, 302, 304, 404, 500, 503})
    EXPECT_FALSE(MayKeep({}, {.status = status}, {}).has_value()) << status;
  EXPECT_FALSE(MayKeep({.has_range = true}, {}, {}).has_value());
}

TEST(MayServe, WhatIsForAllServesEverybodyAndTheRestOnlyTheNameless) {
  EXPECT_TRUE(MayServe({}, false, {}));
  EXPECT_TRUE(MayServe({.has_authorization = true, .has_cookie = true}, true, {}));
  EXPECT_FALSE(MayServe({.has_authorization = true}, false, {}));
  EXPECT_FALSE(MayServe({.has_cookie = true}, false, {}));
  EXPECT_TRUE(MayServe({.has_authorization = true}, false, {.authorization = true}));
  EXPECT_TRUE(MayServe({.has_cookie = true}, false, {.cookie = true}));
  EXPECT_FALSE(MayServe({.has_range = true}, true, {}));
}

}  // namespace
}  // namespace sluice::degrade
