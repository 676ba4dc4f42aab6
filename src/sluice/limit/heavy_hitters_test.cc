#include "sluice/limit/heavy_hitters.h"

#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};
constexpr std::uint64_t kAnn = 0x1234'5678'9abc'def0;
constexpr std::uint64_t kBob = 0xfeed'beef'0000'0001;

void Note(HeavyHitters& hitters, std::uint64_t key, int times, SteadyTime now) {
  for (int i = 0; i < times; ++i)
    (void)hitters.Note(key, Asked::kAdmitted, now);
}

TEST(HeavyHitters, TheGreatestComeFirstWithTheirRates) {
  HeavyHitters hitters(kStart);
  for (int second = 0; second < 10; ++second) {
    for (int part = 0; part < 10; ++part) {
      const SteadyTime now = kStart + std::chrono::seconds(second) + part * 100ms;
      Note(hitters, kAnn, 30, now);
      Note(hitters, kBob, 5, now);
    }
  }
  const std::vector<HeavyHitter> top = hitters.Top(kStart + 9999ms, 10);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].key_hash, kAnn);
  EXPECT_NEAR(top[0].per_second, 300, 5);
  EXPECT_EQ(top[1].key_hash, kBob);
  EXPECT_NEAR(top[1].per_second, 50, 5);
  EXPECT_EQ(hitters.Top(kStart + 9999ms, 1).size(), 1U);
}

TEST(HeavyHitters, RefusalsAreToldApart) {
  HeavyHitters hitters(kStart);
  for (int i = 0; i < 100; ++i)
    (void)hitters.Note(kAnn, i % 4 == 0 ? Asked::kAdmitted : Asked::kRefused, kStart);
  const std::vector<HeavyHitter> top = hitters.Top(kStart, 1);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].per_second, 100);
  EXPECT_EQ(top[0].refused_per_second, 75);
}

TEST(HeavyHitters, WhoStopsIsForgottenWithinSeconds) {
  HeavyHitters hitters(kStart);
  Note(hitters, kAnn, 1'000, kStart);
  EXPECT_NEAR(hitters.Top(kStart + 3s, 1)[0].per_second, 125, 1);  // Without a note in between.
  Note(hitters, kBob, 100, kStart + 8s);
  EXPECT_EQ(hitters.Top(kStart + 8s, 1)[0].key_hash, kBob);
  EXPECT_EQ(hitters.Top(kStart + 20s, 10).size(), 0U);
  Note(hitters, kBob, 1, kStart + 20s);
  EXPECT_EQ(hitters.Top(kStart + 20s, 10).size(), 1U);
}

TEST(HeavyHitters, AFewAreFoundAmongAMultitude) {
  HeavyHitters hitters(kStart);
  Random random(20'261'124);
  std::set<std::uint64_t> heavy;
  while (heavy.size() < 10)
    heavy.insert(random.Next() | 1U);
  // Six seconds of 4000 requests: half of them by ten keys, the others by as many keys as requests.
  SteadyTime now = kStart;
  for (int round = 0; round < 1'200; ++round, now += 5ms) {
    for (const std::uint64_t key : heavy)
      Note(hitters, key, 1, now);
    for (int i = 0; i < 10; ++i)
      Note(hitters, random.Next() | 1U, 1, now);
  }
  const std::vector<HeavyHitter> top = hitters.Top(now, 10);
  ASSERT_EQ(top.size(), 10U);
  for (const HeavyHitter& key : top) {
    EXPECT_TRUE(heavy.contains(key.key_hash));
    EXPECT_NEAR(key.per_second, 200, 20);
  }
}

TEST(HeavyHitters, ABusyRuleNotesAPartForAll) {
  HeavyHitters hitters(kStart);
  SteadyTime now = kStart;
  // 200,000 a second, every other one of them by one key.
  for (int request = 0; request < 1'000'000; ++request, now += std::chrono::microseconds(5))
    (void)hitters.Note(request % 2 == 0 ? kAnn : static_cast<std::uint64_t>(request) << 20U,
                       Asked::kAdmitted, now);
  const std::vector<HeavyHitter> top = hitters.Top(now, 1);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].key_hash, kAnn);
  EXPECT_NEAR(top[0].per_second, 100'000, 15'000);
}

TEST(HeavyHitters, TheTextIsAskedForOnceAndBounded) {
  HeavyHitters hitters(kStart);
  EXPECT_TRUE(hitters.Note(kAnn, Asked::kAdmitted, kStart));
  EXPECT_TRUE(hitters.Note(kAnn, Asked::kAdmitted, kStart));
  hitters.NoteText(kAnn, std::string(1'000, 'a'));
  EXPECT_FALSE(hitters.Note(kAnn, Asked::kAdmitted, kStart));
  hitters.NoteText(kBob, "bob");  // Is not among them.
  const std::vector<HeavyHitter> top = hitters.Top(kStart, 10);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].text, std::string(HeavyHitters::kTextMax, 'a'));
}

TEST(HeavyHitters, AnEmptyTextIsAskedForOnceToo) {
  HeavyHitters hitters(kStart);
  EXPECT_TRUE(hitters.Note(kAnn, Asked::kAdmitted, kStart));
  hitters.NoteText(kAnn, "");
  EXPECT_FALSE(hitters.Note(kAnn, Asked::kAdmitted, kStart));
}

TEST(HeavyHitters, OnlySixteenAreKept) {
  HeavyHitters hitters(kStart);
  for (std::uint64_t key = 1; key <= 100; ++key)
    Note(hitters, key * 0x9e37'79b9'7f4a'7c15U, static_cast<int>(key), kStart);
  const std::vector<HeavyHitter> top = hitters.Top(kStart, 100);
  ASSERT_EQ(top.size(), HeavyHitters::kTop);
  EXPECT_EQ(top.front().per_second, 100);
  EXPECT_EQ(top.back().per_second, 85);
  EXPECT_LT(HeavyHitters::bytes(), 140U * 1024);
}

TEST(HeavyHitters, RequestsWithoutAKeyAreNotCounted) {
  HeavyHitters hitters(kStart);
  Note(hitters, 0, 10, kStart);
  EXPECT_TRUE(hitters.Top(kStart, 10).empty());
}

TEST(HeavyHitters, ManyThreadsMayNoteAndRead) {
  HeavyHitters hitters(kStart);
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      SteadyTime now = kStart;
      for (int request = 0; request < 20'000; ++request, now += std::chrono::microseconds(100))
        if (hitters.Note(kAnn, Asked::kRefused, now)) hitters.NoteText(kAnn, "ann");
    });
  }
  for (int read = 0; read < 100; ++read)
    (void)hitters.Top(kStart, 10);
  for (std::thread& thread : threads)
    thread.join();
  const std::vector<HeavyHitter> top = hitters.Top(kStart + 2s, 10);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].text, "ann");
}

}  // namespace
}  // namespace sluice::limit
