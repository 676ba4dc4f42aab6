#include "sluice/traffic/tap/recording_sink.h"

#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/traffic/archive/recording_reader.h"

namespace sluice::traffic::tap {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using wire::recording::RecordedExchange;

constexpr SteadyTime kStart{1h};

class RecordingSinkTest : public testing::Test {
 protected:
  RecordingSinkTest() {
    options_.recording.path = testing::TempDir() + "sink_" +
                              testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
    RemoveFiles();
  }
  ~RecordingSinkTest() override { RemoveFiles(); }

  static TapBatch Batch(std::size_t count, SteadyTime now = kStart) {
    TapBatch batch;
    batch.now = now;
    for (std::size_t i = 0; i < count; ++i) {
      batch.copies.push_back(std::make_unique<RecordedExchange>());
      batch.copies.back()->request.head =
          "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cret\r\n";
      batch.copies.back()->response.head = "HTTP/1.1 200 OK\r\n";
    }
    return batch;
  }

  [[nodiscard]] std::size_t Stored() const {
    return (*archive::RecordingReader::Open(options_.recording.path))->List({}).entries.size();
  }

  SinkOptions options_;

 private:
  void RemoveFiles() const {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::remove((options_.recording.path + suffix).c_str());
  }
};

TEST_F(RecordingSinkTest, MasksBeforeItWrites) {
  const auto sink = *RecordingSink::Open(options_);
  TapBatch batch = Batch(1);
  batch.ends_wait = true;
  sink->Write(batch);
  const RecordedExchange read =
      *(*archive::RecordingReader::Open(options_.recording.path))->Load(1);
  EXPECT_THAT(read.request.head, Not(HasSubstr("s3cret")));
  EXPECT_EQ(read.masked, 1U);
  EXPECT_EQ(sink->counts().masked.load(), 1U);
}

TEST_F(RecordingSinkTest, GathersUntilItIsTime) {
  const auto sink = *RecordingSink::Open(options_);
  TapBatch first = Batch(3);
  sink->Write(first);
  EXPECT_EQ(Stored(), 0U);
  TapBatch second = Batch(1, kStart + 999ms);
  sink->Write(second);
  EXPECT_EQ(Stored(), 0U);
  TapBatch third = Batch(1, kStart + 1s);
  sink->Write(third);
  EXPECT_EQ(Stored(), 5U);
  EXPECT_EQ(sink->counts().written.load(), 5U);
  EXPECT_EQ(sink->counts().stored.load(), 5U);
}

TEST_F(RecordingSinkTest, ManyAreWrittenAtOnce) {
  const auto sink = *RecordingSink::Open(options_);
  TapBatch batch = Batch(300);
  sink->Write(batch);
  EXPECT_EQ(Stored(), 300U);
}

TEST_F(RecordingSinkTest, CopiesComeBackEmpty) {
  const auto sink = *RecordingSink::Open(options_);
  TapBatch batch = Batch(2);
  sink->Write(batch);
  ASSERT_EQ(batch.copies.size(), 2U);
  EXPECT_TRUE(batch.copies[0]->request.head.empty());
  EXPECT_EQ(batch.copies[0]->masked, 0U);
}

TEST_F(RecordingSinkTest, ItsEndWritesTheRest) {
  {
    const auto sink = *RecordingSink::Open(options_);
    TapBatch batch = Batch(2);
    sink->Write(batch);
  }
  EXPECT_EQ(Stored(), 2U);
}

TEST_F(RecordingSinkTest, AFailedWriteIsCountedAndTheNextTriesAgain) {
  const auto sink = *RecordingSink::Open(options_);
  {
    const auto other =
        *archive::Database::Open(options_.recording.path, archive::Database::Mode::kWrite);
    ASSERT_TRUE(other.Execute("BEGIN IMMEDIATE"));
    TapBatch batch = Batch(2);
    batch.ends_wait = true;
    sink->Write(batch);
    EXPECT_EQ(sink->counts().lost.load(), 2U);
    EXPECT_EQ(sink->counts().failures.load(), 1U);
    EXPECT_FALSE(sink->last_error().empty());
  }
  TapBatch batch = Batch(1);
  batch.ends_wait = true;
  sink->Write(batch);
  EXPECT_EQ(sink->counts().written.load(), 1U);
  EXPECT_TRUE(sink->last_error().empty());
  EXPECT_EQ(Stored(), 1U);
}

TEST_F(RecordingSinkTest, SaysByWhichRulesItMasks) {
  options_.mask.fields = {"a", "b"};
  const auto sink = *RecordingSink::Open(options_);
  const auto reader = *archive::RecordingReader::Open(options_.recording.path);
  EXPECT_EQ(reader->NoteOf("masking"), "on");
  EXPECT_EQ(reader->NoteOf("masking.fields"), "a\nb");
}

TEST_F(RecordingSinkTest, OtherRulesHoldFromThenOn) {
  const auto sink = *RecordingSink::Open(options_);
  SinkOptions other = options_;
  other.mask.is_on = false;
  ASSERT_TRUE(sink->Reconfigure(other));
  TapBatch batch = Batch(1);
  batch.ends_wait = true;
  sink->Write(batch);
  const RecordedExchange read =
      *(*archive::RecordingReader::Open(options_.recording.path))->Load(1);
  EXPECT_THAT(read.request.head, HasSubstr("s3cret"));
  other.mask.json_paths = {"not a path"};
  EXPECT_FALSE(sink->Reconfigure(other));
}

TEST_F(RecordingSinkTest, AFileThatCannotBeOpenedAnewIsTriedAgainUnderTheNewRules) {
  const auto sink = *RecordingSink::Open(options_);
  SinkOptions other = options_;
  other.recording.bytes_max = 1;  // Refused by the writer.
  other.mask.headers = {"x-new"};
  EXPECT_FALSE(sink->Reconfigure(other));
  for (int i = 1; i <= 3; ++i) {
    TapBatch batch = Batch(2);
    batch.ends_wait = true;
    sink->Write(batch);
    EXPECT_EQ(sink->counts().lost.load(), 2U * static_cast<unsigned>(i));  // Nothing piles up.
  }
  EXPECT_FALSE(sink->last_error().empty());
  other.recording.bytes_max = options_.recording.bytes_max;
  ASSERT_TRUE(sink->Reconfigure(other));
  TapBatch batch = Batch(1);
  batch.copies[0]->request.head = "GET / HTTP/1.1\r\nX-New: s3cret\r\n";
  batch.ends_wait = true;
  sink->Write(batch);
  const RecordedExchange read =
      *(*archive::RecordingReader::Open(options_.recording.path))->Load(1);
  EXPECT_THAT(read.request.head, Not(HasSubstr("s3cret")));
}

TEST_F(RecordingSinkTest, OtherMaskingLeavesTheFileOpen) {
  const auto sink = *RecordingSink::Open(options_);
  for (const char* suffix : {"", "-wal", "-shm"})
    std::remove((options_.recording.path + suffix).c_str());
  SinkOptions other = options_;
  other.mask.fields = {"a"};
  EXPECT_TRUE(sink->Reconfigure(other));
  std::FILE* const made = std::fopen(options_.recording.path.c_str(), "rb");
  EXPECT_EQ(made, nullptr);
  if (made != nullptr) std::fclose(made);
}

TEST_F(RecordingSinkTest, RefusesWhatCannotBeOpened) {
  options_.recording.path = testing::TempDir() + "no/such/folder/x.db";
  EXPECT_FALSE(RecordingSink::Open(options_));
  options_.mask.json_paths = {"bad"};
  EXPECT_FALSE(RecordingSink::Open(options_));
}

}  // namespace
}  // namespace sluice::traffic::tap
