#include "sluice/limit/key_table.h"

#include <unordered_map>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

constexpr Ticks kSecond = 1'000'000'000 * kTicksPerNano;

bool Insert(KeyTable& table, std::uint64_t hash, Ticks time, Ticks now, KeyBudget& budget) {
  return table.Insert({.hash = hash, .time = time, .state = {}}, now, budget);
}

TEST(KeyTable, FindsWhatWasInsertedThroughGrowth) {
  KeyTable table;
  KeyBudget budget(10'000);
  Random random(1);
  std::unordered_map<std::uint64_t, Ticks> expected;
  for (Ticks index = 1; index <= 5'000; ++index) {
    const std::uint64_t hash = random.Next() | 1U;
    ASSERT_TRUE(Insert(table, hash, kSecond + index, 0, budget));
    expected[hash] = kSecond + index;
  }
  for (const auto& [hash, tat] : expected) {
    const KeyTable::Place place = table.Find(hash, 0);
    ASSERT_NE(place.entry, nullptr);
    ASSERT_EQ(place.entry->time, tat);
  }
  EXPECT_EQ(table.entries(), expected.size());
  EXPECT_EQ(budget.keys(), expected.size());
}

TEST(KeyTable, AnEntryWithoutDebtIsReusedByTheNextKeyThatProbesPastIt) {
  KeyTable table;
  KeyBudget budget(10);
  ASSERT_TRUE(Insert(table, 0x10, kSecond, 0, budget));
  ASSERT_TRUE(Insert(table, 0x20, 3 * kSecond, 2 * kSecond, budget));  // The same home.
  EXPECT_EQ(table.entries(), 1U);
  EXPECT_EQ(budget.keys(), 1U);
  EXPECT_EQ(table.Find(0x10, 2 * kSecond).entry, nullptr);
  EXPECT_NE(table.Find(0x20, 2 * kSecond).entry, nullptr);
}

TEST(KeyTable, AtTheBoundNewKeysWaitUntilAnEntryHasNoDebt) {
  KeyTable table;
  KeyBudget budget(2);
  ASSERT_TRUE(Insert(table, 1, kSecond, 0, budget));
  ASSERT_TRUE(Insert(table, 2, 2 * kSecond, 0, budget));
  EXPECT_FALSE(Insert(table, 3, kSecond, 0, budget));
  EXPECT_EQ(table.next_sweep(), kSecond);
  EXPECT_FALSE(Insert(table, 3, 2 * kSecond, kSecond - 1, budget));
  EXPECT_TRUE(Insert(table, 3, 2 * kSecond, kSecond, budget));
  EXPECT_EQ(table.Find(1, kSecond).entry, nullptr);
  EXPECT_NE(table.Find(2, kSecond).entry, nullptr);
  EXPECT_EQ(budget.keys(), 2U);
}

TEST(KeyTable, AnEntryInsertedAfterASweepIsFoundByTheNext) {
  KeyTable table;
  KeyBudget budget(2);
  ASSERT_TRUE(Insert(table, 1, 3'600 * kSecond, 0, budget));
  ASSERT_TRUE(Insert(table, 2, kSecond, 0, budget));
  ASSERT_FALSE(Insert(table, 3, kSecond, 0, budget));
  ASSERT_TRUE(Insert(table, 3, 2 * kSecond, kSecond, budget));
  EXPECT_TRUE(Insert(table, 4, 3 * kSecond, 2 * kSecond, budget));
}

TEST(KeyTable, ALoweredDebtIsFoundByTheNextSweep) {
  KeyTable table;
  KeyBudget budget(1);
  ASSERT_TRUE(Insert(table, 1, 3'600 * kSecond, 0, budget));
  ASSERT_FALSE(Insert(table, 2, kSecond, 0, budget));
  table.Find(1, 0).entry->time = kSecond;
  table.NoteLowered(kSecond);
  EXPECT_TRUE(Insert(table, 2, 3 * kSecond, 2 * kSecond, budget));
}

TEST(KeyTable, FreshKeysOweWhatADroppedEntryOwed) {
  KeyTable table;
  KeyBudget budget(10);
  ASSERT_TRUE(Insert(table, 0x10, 5 * kSecond, 0, budget));
  EXPECT_EQ(table.fresh_time(), 0);
  ASSERT_TRUE(Insert(table, 0x20, 9 * kSecond, 6 * kSecond, budget));
  EXPECT_EQ(table.fresh_time(), 5 * kSecond);
}

TEST(KeyTable, FreshKeysOweWhatASweptEntryOwed) {
  KeyTable table;
  KeyBudget budget(1);
  ASSERT_TRUE(Insert(table, 1, 5 * kSecond, 0, budget));
  ASSERT_TRUE(Insert(table, 2, 9 * kSecond, 6 * kSecond, budget));  // No room but by sweeping.
  EXPECT_EQ(table.fresh_time(), 5 * kSecond);
}

// Growing rewrites a run that wraps around the end in another order, so a new key may come to pass
// an entry without debt that it did not pass before.
TEST(KeyTable, AnEntryReusedOnlyAfterGrowingIsCountedOnce) {
  constexpr Ticks kMilli = kSecond / 1'000;
  KeyTable table;
  KeyBudget budget(1);
  ASSERT_TRUE(Insert(table, 1, 0, 0, budget));
  ASSERT_TRUE(Insert(table, 15, kMilli, 0, budget));  // By sweeping; in slot 15 of 16.
  budget.SetMax(100);
  ASSERT_TRUE(Insert(table, 15 + 32, kSecond, 0, budget));  // Slot 0, and 15 of 32.
  for (std::uint64_t hash = 3; hash <= 12; ++hash) {
    ASSERT_TRUE(Insert(table, hash, kSecond, 0, budget));
  }
  ASSERT_EQ(table.entries(), 12U);
  // Too soon after the last sweep for another: the table grows with the first entry, now in 16.
  ASSERT_TRUE(Insert(table, 16, kSecond, 5 * kMilli, budget));
  EXPECT_EQ(table.bytes(), 32U * 16);
  EXPECT_EQ(table.entries(), 12U);
  EXPECT_EQ(budget.keys(), 12U);
}

// Sweeping moves entries; nothing with debt may be lost, nothing without may stay.
TEST(KeyTable, SweepingKeepsExactlyTheEntriesWithDebt) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    KeyTable table;
    KeyBudget budget(700);
    std::unordered_map<std::uint64_t, Ticks> expected;
    Ticks now = 0;
    for (int step = 0; step < 5'000; ++step) {
      now += kSecond / 100;
      // Few distinct homes, so that runs are long and wrap around the end of the table.
      const std::uint64_t hash = (random.Next() & 0xf800000000000fffU) | 0x1000U;
      const Ticks tat = now + static_cast<Ticks>(random.Below(10)) * kSecond + 1;
      const KeyTable::Place place = table.Find(hash, now);
      if (place.entry != nullptr) {
        place.entry->time = std::max(place.entry->time, tat);
        expected[hash] = place.entry->time;
      } else if (Insert(table, hash, tat, now, budget)) {
        expected[hash] = tat;
      }
    }
    std::size_t with_debt = 0;
    for (const auto& [hash, tat] : expected) {
      if (tat <= now) continue;
      ++with_debt;
      const KeyTable::Place place = table.Find(hash, now);
      ASSERT_NE(place.entry, nullptr);
      ASSERT_EQ(place.entry->time, tat);
    }
    EXPECT_GT(with_debt, 100U);
    EXPECT_EQ(table.entries(), budget.keys());
    EXPECT_GE(table.entries(), with_debt);
    EXPECT_LE(table.entries(), 700U);
  }
}

}  // namespace
}  // namespace sluice::limit
