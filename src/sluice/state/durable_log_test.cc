#include "sluice/state/durable_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/memory_store.h"

namespace sluice::state {
namespace {

using sim::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

DurableLog::Opened Open(MemoryStore& store) {
  Result<DurableLog::Opened> opened = DurableLog::Open(store, "releases");
  EXPECT_TRUE(opened.has_value());
  return std::move(*opened);
}

void Append(DurableLog& log, ByteView record, Durability durability = Durability::kSynced) {
  const Result<void> done = log.Append(record, durability);
  EXPECT_TRUE(done.has_value());
}

TEST(DurableLog, NothingIsACleanStart) {
  MemoryStore store;
  const DurableLog::Opened opened = Open(store);
  EXPECT_THAT(opened.recovered.records, IsEmpty());
  EXPECT_EQ(opened.recovered.snapshot, "");
  EXPECT_EQ(opened.recovered.health, Health::kClean);
}

TEST(DurableLog, RecordsAndSnapshotsComeBack) {
  MemoryStore store;
  {
    const DurableLog::Opened opened = Open(store);
    Append(*opened.log, "a");
    ASSERT_TRUE(opened.log->Compact("state after a").has_value());
    Append(*opened.log, "b");
  }
  const DurableLog::Opened opened = Open(store);
  EXPECT_EQ(opened.recovered.snapshot, "state after a");
  EXPECT_THAT(opened.recovered.records, ElementsAre("b"));
  EXPECT_EQ(opened.recovered.health, Health::kClean);
}

TEST(DurableLog, ACrashAtAnyByteOfAnAppendKeepsWhatWasSynced) {
  for (Bytes kept = 0; kept <= 40; ++kept) {
    MemoryStore store;
    {
      const DurableLog::Opened opened = Open(store);
      Append(*opened.log, "synced");
      Append(*opened.log, "a loose record", Durability::kWritten);
    }
    store.Crash(kept);
    DurableLog::Opened opened = Open(store);
    ASSERT_GE(opened.recovered.records.size(), 1U) << kept;
    EXPECT_EQ(opened.recovered.records[0], "synced");
    EXPECT_NE(opened.recovered.health, Health::kDamaged) << kept;
    // And goes on behind it.
    Append(*opened.log, "after");
    opened = Open(store);
    EXPECT_EQ(opened.recovered.records.back(), "after") << kept;
    EXPECT_EQ(opened.recovered.health, Health::kClean) << kept;
  }
}

TEST(DurableLog, AnyFlippedByteOfTheLogIsToldAndNothingWrongIsRead) {
  MemoryStore whole;
  {
    const DurableLog::Opened opened = Open(whole);
    for (const ByteView record : {"one", "two", "three"})
      Append(*opened.log, record);
  }
  const std::vector<std::string> records = {"one", "two", "three"};
  const Bytes size = whole.SizeOf("releases.1.log");
  for (Bytes at = 0; at < size; ++at) {
    whole.Rot("releases.1.log", at, 0x10);
    MemoryStore copy;
    ASSERT_TRUE(copy.Replace("releases.1.log", *whole.Read("releases.1.log", kMiB)).has_value());
    const DurableLog::Opened opened = Open(copy);
    EXPECT_NE(opened.recovered.health, Health::kClean) << at;
    EXPECT_NE(opened.recovered.detail, "");
    for (std::size_t i = 0; i < opened.recovered.records.size(); ++i)
      EXPECT_EQ(opened.recovered.records[i], records[i]);
    whole.Rot("releases.1.log", at, 0x10);
  }
}

TEST(DurableLog, ARottenSnapshotFallsBackToTheOneBeforeAndLosesNothing) {
  MemoryStore store;
  {
    const DurableLog::Opened opened = Open(store);
    Append(*opened.log, "a");
    ASSERT_TRUE(opened.log->Compact("state after a").has_value());
    Append(*opened.log, "b");
    ASSERT_TRUE(opened.log->Compact("state after b").has_value());
    Append(*opened.log, "c");
  }
  for (Bytes at = 0; at < store.SizeOf("releases.3.snapshot"); ++at) {
    store.Rot("releases.3.snapshot", at, 1);
    const DurableLog::Opened opened = Open(store);
    EXPECT_EQ(opened.recovered.health, Health::kFellBack) << at;
    EXPECT_EQ(opened.recovered.snapshot, "state after a");
    EXPECT_THAT(opened.recovered.records, ElementsAre("b", "c"));
    store.Rot("releases.3.snapshot", at, 1);
  }
}

TEST(DurableLog, WithNoWayBackItSaysThatItIsDamaged) {
  MemoryStore store;
  {
    const DurableLog::Opened opened = Open(store);
    ASSERT_TRUE(opened.log->Compact("one").has_value());
    ASSERT_TRUE(opened.log->Compact("two").has_value());
  }
  store.Rot("releases.2.snapshot", 27, 1);
  store.Rot("releases.3.snapshot", 27, 1);
  DurableLog::Opened opened = Open(store);
  EXPECT_EQ(opened.recovered.health, Health::kDamaged);
  EXPECT_EQ(opened.recovered.snapshot, "");
  // What comes after stands in files of its own.
  ASSERT_TRUE(opened.log->Compact("begun again").has_value());
  opened = Open(store);
  EXPECT_EQ(opened.recovered.health, Health::kClean);
  EXPECT_EQ(opened.recovered.snapshot, "begun again");
}

TEST(DurableLog, DamageInTheMiddleIsNeverAppendedTo) {
  MemoryStore store;
  {
    const DurableLog::Opened opened = Open(store);
    Append(*opened.log, "one");
    Append(*opened.log, "two");
  }
  store.Rot("releases.1.log", 13, 1);
  const Bytes size = store.SizeOf("releases.1.log");
  const DurableLog::Opened opened = Open(store);
  EXPECT_EQ(opened.recovered.health, Health::kDamaged);
  Append(*opened.log, "after");
  EXPECT_EQ(store.SizeOf("releases.1.log"), size);
}

TEST(DurableLog, AFullDiskRefusesTheRecordAndKeepsTheLog) {
  for (Bytes partial = 0; partial < 16; ++partial) {
    MemoryStore store;
    DurableLog::Opened opened = Open(store);
    Append(*opened.log, "one");
    store.FailFrom(1, partial);
    EXPECT_FALSE(opened.log->Append("two", Durability::kSynced).has_value());
    EXPECT_FALSE(opened.log->Append("three", Durability::kSynced).has_value());
    EXPECT_FALSE(opened.log->Compact("all").has_value());
    store.Heal();
    Append(*opened.log, "four");
    opened = Open(store);
    EXPECT_THAT(opened.recovered.records, ElementsAre("one", "four")) << partial;
    EXPECT_EQ(opened.recovered.health, Health::kClean);
  }
}

TEST(DurableLog, CompactionsKeepTwoGenerations) {
  MemoryStore store;
  const DurableLog::Opened opened = Open(store);
  for (int i = 0; i < 5; ++i) {
    Append(*opened.log, "record");
    ASSERT_TRUE(opened.log->Compact("state").has_value());
    EXPECT_EQ(opened.log->log_bytes(), 0U);
  }
  EXPECT_THAT(*store.List(),
              ElementsAre("releases.5.log", "releases.5.snapshot", "releases.6.snapshot"));
}

TEST(DurableLog, FilesOfOthersAreLeftAlone) {
  MemoryStore store;
  ASSERT_TRUE(store.Replace("releases.x.log", "?").has_value());
  ASSERT_TRUE(store.Replace("other.1.log", "?").has_value());
  const DurableLog::Opened opened = Open(store);
  EXPECT_EQ(opened.recovered.health, Health::kClean);
  ASSERT_TRUE(opened.log->Compact("x").has_value());
  ASSERT_TRUE(opened.log->Compact("y").has_value());
  EXPECT_EQ(store.SizeOf("other.1.log"), 1U);
}

}  // namespace
}  // namespace sluice::state
