#include "sluice/degrade/stale_cache.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::degrade {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};

class Fields final : public FieldSource {
 public:
  Fields() = default;
  Fields(std::string name, std::string value) : name_(std::move(name)), value_(std::move(value)) {}
  [[nodiscard]] std::string_view ValueOf(std::string_view name) const override {
    return name == name_ ? std::string_view(value_) : std::string_view();
  }

 private:
  std::string name_;
  std::string value_;
};

const Fields kNone;

CacheKey KeyOf(std::string_view text) {
  return {.hash = std::hash<std::string_view>()(text), .text = text};
}

std::shared_ptr<KeptAnswer> HeadOf(const Lifetime& lifetime = {}) {
  auto answer = std::make_shared<KeptAnswer>();
  answer->headers = {{"etag", "\"1\""}};
  answer->content_type = "text/plain";
  answer->lifetime = lifetime;
  return answer;
}

struct Kept {
  Lifetime lifetime = {};
  std::string_view vary = {};
  Fields request = {};
};

// Keeps `body` under `key`; false when the cache did not want it.
bool Keep(StaleCache& cache,
          std::string_view key,
          std::string_view body,
          SteadyTime at,
          const Kept& kept = {}) {
  std::optional<StaleCache::Fill> fill =
      cache.Begin(KeyOf(key), HeadOf(kept.lifetime), kept.vary, kept.request, std::nullopt, at);
  if (!fill || !fill->Add(body)) return false;
  fill->Finish(at);
  return true;
}

std::string Found(StaleCache& cache,
                  std::string_view key,
                  SteadyTime at,
                  const Fields& request = kNone) {
  const std::shared_ptr<const KeptAnswer> answer = cache.Find(KeyOf(key), request, at);
  return answer == nullptr ? "nothing" : answer->body;
}

TEST(StaleCache, GivesTheLastAnswerUntilItIsTooOld) {
  StaleCache cache({.max_stale = 60s});
  EXPECT_EQ(Found(cache, "/a", kStart), "nothing");
  ASSERT_TRUE(Keep(cache, "/a", "one", kStart));
  EXPECT_EQ(Found(cache, "/a", kStart), "one");
  EXPECT_EQ(Found(cache, "/b", kStart), "nothing");
  ASSERT_TRUE(Keep(cache, "/a", "two", kStart + 10s));
  EXPECT_EQ(Found(cache, "/a", kStart + 70s), "two");
  EXPECT_EQ(Found(cache, "/a", kStart + 70s + 1ms), "nothing");
  EXPECT_EQ(cache.Stats().hits_total, 2U);
  EXPECT_EQ(cache.Stats().misses_total, 3U);
}

TEST(StaleCache, MaxStaleCountsFromTheEndOfFreshness) {
  StaleCache cache({.max_stale = 60s});
  ASSERT_TRUE(Keep(cache, "/a", "x", kStart, {.lifetime = {.age = 5s, .fresh_for = 30s}}));
  const auto answer = cache.Find(KeyOf("/a"), kNone, kStart + 10s);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->AgeAt(kStart + 10s), 15s);
  EXPECT_FALSE(answer->IsStaleAt(kStart + 24s));
  EXPECT_TRUE(answer->IsStaleAt(kStart + 25s));
  EXPECT_EQ(Found(cache, "/a", kStart + 85s), "x");
  EXPECT_EQ(Found(cache, "/a", kStart + 85s + 1ms), "nothing");
}

TEST(StaleCache, TheOriginMayAllowLessButNotMore) {
  StaleCache cache({.max_stale = 60s});
  ASSERT_TRUE(Keep(cache, "/less", "x", kStart, {.lifetime = {.stale_for = 5s}}));
  ASSERT_TRUE(Keep(cache, "/more", "x", kStart, {.lifetime = {.stale_for = 1h}}));
  EXPECT_EQ(Found(cache, "/less", kStart + 6s), "nothing");
  EXPECT_EQ(Found(cache, "/more", kStart + 60s), "x");
  EXPECT_EQ(Found(cache, "/more", kStart + 61s), "nothing");
}

TEST(StaleCache, AnUnfinishedAnswerLeavesNoTrace) {
  StaleCache cache({.refresh_interval = 0s});
  ASSERT_TRUE(Keep(cache, "/a", "old", kStart));
  {
    auto fill = cache.Begin(KeyOf("/a"), HeadOf(), "", kNone, std::nullopt, kStart + 1s);
    ASSERT_TRUE(fill.has_value());
    ASSERT_TRUE(fill->Add("half"));
  }
  EXPECT_EQ(Found(cache, "/a", kStart + 1s), "old");
}

TEST(StaleCache, AKeyIsCopiedAtMostOncePerInterval) {
  StaleCache cache({.refresh_interval = 2s});
  EXPECT_TRUE(Keep(cache, "/a", "one", kStart));
  EXPECT_FALSE(Keep(cache, "/a", "two", kStart + 2s - 1ms));
  EXPECT_TRUE(Keep(cache, "/b", "other", kStart));
  EXPECT_TRUE(Keep(cache, "/a", "three", kStart + 2s));
  EXPECT_EQ(Found(cache, "/a", kStart + 2s), "three");
}

TEST(StaleCache, TellsAnswersApartByWhatTheyVaryBy) {
  StaleCache cache({.refresh_interval = 0s});
  const Fields german("accept-language", "de");
  const Fields french("accept-language", "fr");
  ASSERT_TRUE(
      Keep(cache, "/a", "hallo", kStart, {.vary = "Accept-Language, Accept", .request = german}));
  ASSERT_TRUE(
      Keep(cache, "/a", "salut", kStart, {.vary = "accept-language , accept", .request = french}));
  EXPECT_EQ(Found(cache, "/a", kStart, german), "hallo");
  EXPECT_EQ(Found(cache, "/a", kStart, french), "salut");
  EXPECT_EQ(Found(cache, "/a", kStart), "nothing");
  // The origin changes its mind: what was kept by the other rule is gone.
  ASSERT_TRUE(Keep(cache, "/a", "hello", kStart + 1s));
  EXPECT_EQ(Found(cache, "/a", kStart + 1s, german), "hello");
  EXPECT_EQ(cache.Stats().answers, 1U);
}

TEST(StaleCache, AFillOfOtherFieldsThanTheKeyVariesByNowIsDropped) {
  StaleCache cache({.refresh_interval = 0s});
  const Fields german("accept-language", "de");
  std::optional<StaleCache::Fill> slow =
      cache.Begin(KeyOf("/"), HeadOf(), "accept-language", german, std::nullopt, kStart);
  ASSERT_TRUE(slow.has_value());
  // The origin now tells its answers apart by another field, which happens to have that value.
  const Fields currency("x-market", "de");
  EXPECT_TRUE(Keep(cache, "/", "market", kStart, {.vary = "x-market", .request = currency}));
  ASSERT_TRUE(slow->Add("language"));
  slow->Finish(kStart);
  EXPECT_EQ(Found(cache, "/", kStart, currency), "market");
  EXPECT_EQ(cache.Stats().answers, 1U);
  EXPECT_EQ(cache.Stats().kept_total, 1U);
}

TEST(StaleCache, AFillDoesNotReplaceWhatWasBegunLater) {
  StaleCache cache({.refresh_interval = 0s});
  std::optional<StaleCache::Fill> slow =
      cache.Begin(KeyOf("/"), HeadOf(), "", kNone, std::nullopt, kStart);
  ASSERT_TRUE(slow.has_value());
  EXPECT_TRUE(Keep(cache, "/", "new", kStart + 1s));
  ASSERT_TRUE(slow->Add("old"));
  slow->Finish(kStart + 2s);
  EXPECT_EQ(Found(cache, "/", kStart + 2s), "new");
}

TEST(StaleCache, TheOrderOfVaryIsNoDifference) {
  StaleCache cache({.refresh_interval = 0s});
  const Fields german("accept-language", "de");
  EXPECT_TRUE(Keep(cache, "/", "1", kStart, {.vary = "x-a, Accept-Language", .request = german}));
  EXPECT_TRUE(Keep(cache, "/", "2", kStart, {.vary = "accept-language,x-a"}));
  EXPECT_EQ(Found(cache, "/", kStart, german), "1");
  EXPECT_EQ(Found(cache, "/", kStart), "2");
}

TEST(StaleCache, AKeyHasAtMostEightVariants) {
  StaleCache cache({});
  for (int i = 0; i < 9; ++i) {
    const Fields request("x", std::to_string(i));
    ASSERT_TRUE(Keep(cache, "/a", "v", kStart, {.vary = "x", .request = request}));
  }
  EXPECT_EQ(cache.Stats().answers, StaleCache::kVariantsMax);
  EXPECT_EQ(Found(cache, "/a", kStart, Fields("x", "0")), "nothing");
  EXPECT_EQ(Found(cache, "/a", kStart, Fields("x", "8")), "v");
  EXPECT_FALSE(Keep(cache, "/b", "v", kStart, {.vary = "a,b,c,d,e,f,g,h,i"}));
}

TEST(StaleCache, StaysWithinItsBytesAndForgetsWhatWasUsedLongestAgo) {
  StaleCache cache({.max_bytes = kMiB, .max_answer_bytes = 16 * kKiB});
  const std::string body(8 * kKiB, 'x');
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(Keep(cache, "/" + std::to_string(i), body, kStart));
    // Used again and again, so it stays.
    ASSERT_EQ(Found(cache, "/0", kStart), body) << i;
    ASSERT_LE(cache.Stats().bytes, kMiB);
  }
  const StaleCacheStats stats = cache.Stats();
  EXPECT_GT(stats.evicted_total, 300U);
  EXPECT_EQ(stats.answers, stats.kept_total - stats.evicted_total);
}

TEST(StaleCache, LargeAnswersAreNotKeptWhetherAnnouncedOrNot) {
  StaleCache cache({.max_bytes = kMiB, .max_answer_bytes = 4 * kKiB});
  EXPECT_FALSE(cache.Begin(KeyOf("/a"), HeadOf(), "", kNone, 5'000, kStart).has_value());
  auto fill = cache.Begin(KeyOf("/a"), HeadOf(), "", kNone, std::nullopt, kStart);
  ASSERT_TRUE(fill.has_value());
  EXPECT_TRUE(fill->Add(std::string(4 * kKiB, 'x')));
  EXPECT_FALSE(fill->Add("y"));
  EXPECT_FALSE(fill->Add("z"));
  fill->Finish(kStart);
  EXPECT_EQ(Found(cache, "/a", kStart), "nothing");
  EXPECT_EQ(cache.Stats().not_kept_total, 2U);
}

TEST(StaleCache, WhatIsOnItsWayIsBoundedToo) {
  StaleCache cache({.max_bytes = kMiB, .max_answer_bytes = 100 * kKiB});
  std::vector<StaleCache::Fill> fills;
  for (int i = 0; i < 5; ++i) {
    auto fill =
        cache.Begin(KeyOf("/" + std::to_string(i)), HeadOf(), "", kNone, 100 * kKiB, kStart);
    if (fill) fills.push_back(std::move(*fill));
  }
  EXPECT_EQ(fills.size(), 2U);  // A quarter of the bytes.
  fills.clear();
  EXPECT_TRUE(cache.Begin(KeyOf("/9"), HeadOf(), "", kNone, 100 * kKiB, kStart).has_value());
}

TEST(StaleCache, ABodyOfUnknownLengthTakesItsPlaceAsItGrows) {
  StaleCache cache({.max_bytes = kMiB, .max_answer_bytes = 128 * kKiB});
  std::vector<StaleCache::Fill> fills;
  for (int i = 0; i < 4; ++i) {
    auto fill = cache.Begin(KeyOf("/" + std::to_string(i)), HeadOf(), "", kNone, {}, kStart);
    ASSERT_TRUE(fill.has_value());
    fills.push_back(std::move(*fill));
  }
  int kept = 0;
  for (StaleCache::Fill& fill : fills)
    kept += fill.Add(std::string(128 * kKiB, 'x')) ? 1 : 0;
  EXPECT_EQ(kept, 2);  // Who found no place gave back what it had.
}

TEST(StaleCache, AnotherKeyOfTheSameHashIsNotTaken) {
  StaleCache cache({.refresh_interval = 0s});
  const auto keep = [&cache](std::string_view text) {
    auto fill = cache.Begin({.hash = 7, .text = text}, HeadOf(), "", kNone, {}, kStart);
    ASSERT_TRUE(fill.has_value());
    ASSERT_TRUE(fill->Add(text));
    fill->Finish(kStart);
  };
  keep("/a");
  EXPECT_EQ(cache.Find({.hash = 7, .text = "/b"}, kNone, kStart), nullptr);
  keep("/b");
  EXPECT_EQ(cache.Find({.hash = 7, .text = "/a"}, kNone, kStart), nullptr);
  EXPECT_EQ(cache.Find({.hash = 7, .text = "/b"}, kNone, kStart)->body, "/b");
  EXPECT_EQ(cache.Stats().answers, 1U);
}

TEST(StaleCache, AReloadTakesEffectAtOnce) {
  StaleCache cache({.max_stale = 60s, .max_bytes = 64 * kMiB});
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(Keep(cache, "/" + std::to_string(i), std::string(16 * kKiB, 'x'), kStart));
  cache.Reconfigure({.max_stale = 5s, .max_bytes = kMiB, .max_answer_bytes = 1 * kKiB});
  EXPECT_LE(cache.Stats().bytes, kMiB);
  EXPECT_GT(cache.Stats().answers, 0U);
  EXPECT_EQ(Found(cache, "/199", kStart + 6s), "nothing");
  EXPECT_FALSE(Keep(cache, "/new", std::string(2 * kKiB, 'x'), kStart));
}

TEST(StaleCacheThreads, KeepAndFindTogether) {
  StaleCache cache({.max_bytes = kMiB, .max_answer_bytes = 8 * kKiB, .refresh_interval = 0s});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      for (int call = 0; call < 2'000; ++call) {
        const std::string key = "/" + std::to_string((call * 7 + thread) % 300);
        const std::string body(static_cast<std::size_t>(call % 4'000),
                               static_cast<char>('a' + thread));
        (void)Keep(cache, key, body, kStart);
        const std::string found = Found(cache, key, kStart);
        // Never a mixture of two.
        ASSERT_EQ(found.find_first_not_of(found.empty() ? 'x' : found.front()),
                  found == "nothing" ? 1U : std::string::npos);
        if (call % 500 == 0) {
          cache.Reconfigure(
              {.max_bytes = kMiB, .max_answer_bytes = 8 * kKiB, .refresh_interval = 0s});
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_LE(cache.Stats().bytes, kMiB);
}

}  // namespace
}  // namespace sluice::degrade
