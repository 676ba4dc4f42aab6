// The queue in simulated time: nothing waits, what has no room is counted, what was put is written.

#include "sluice/traffic/tap/tap_queue.h"

#include <cstdio>

#include <gtest/gtest.h>

#include "sluice/platform/sim/worker_pool.h"
#include "sluice/platform/sim/world.h"
#include "sluice/traffic/archive/recording_reader.h"

namespace sluice::traffic::tap {
namespace {

using namespace std::chrono_literals;

class TapQueueTest : public testing::Test {
 protected:
  TapQueueTest() {
    sink_options_.recording.path = testing::TempDir() + "queue_" +
                                   testing::UnitTest::GetInstance()->current_test_info()->name() +
                                   ".db";
    RemoveFiles();
    sink_ = *RecordingSink::Open(sink_options_);
  }
  ~TapQueueTest() override {
    if (queue_ != nullptr) {
      queue_->Close();
      EXPECT_TRUE(world_.RunUntil([this] { return queue_->is_quiet(); }, 1min));
      loop_.Enter([this] { queue_.reset(); });
    }
    sink_.reset();
    RemoveFiles();
  }

  void Start(const TapQueueOptions& options = {}) {
    queue_ = std::make_unique<TapQueue>(loop_, pool_, sink_, options, counts_);
  }

  void PutOne(Bytes body = 10) {
    TapQueue::Copy copy = queue_->Take();
    ASSERT_NE(copy, nullptr);
    ASSERT_TRUE(queue_->Grow(body));
    copy->response.body.assign(body, 'x');
    queue_->Put(std::move(copy));
  }

  [[nodiscard]] std::size_t Stored() const {
    return (*archive::RecordingReader::Open(sink_options_.recording.path))->List({}).entries.size();
  }

  SinkOptions sink_options_;
  sim::World world_{1};
  sim::Loop& loop_{world_.AddLoop()};
  sim::WorkerPool pool_{{.workers = 1, .queue_max = 4, .duration = 10ms}};
  std::shared_ptr<RecordingSink> sink_;
  TapCounts counts_;
  std::unique_ptr<TapQueue> queue_;

 private:
  void RemoveFiles() const {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::remove((sink_options_.recording.path + suffix).c_str());
  }
};

TEST_F(TapQueueTest, WhatIsPutIsWrittenWithinTheFlushInterval) {
  Start();
  loop_.Enter([this] { PutOne(); });
  world_.RunFor(500ms);
  EXPECT_EQ(Stored(), 0U);
  world_.RunFor(1s);
  EXPECT_EQ(Stored(), 1U);
  EXPECT_EQ(counts_.put.value(), 1U);
  EXPECT_EQ(counts_.bytes.value(), 0);
}

TEST_F(TapQueueTest, ThoseThatFollowDoNotMakeTheFirstWaitLonger) {
  Start();
  pool_.set_duration(0ms);
  loop_.Enter([this] { PutOne(); });
  world_.RunFor(940ms);
  loop_.Enter([this] { PutOne(); });
  world_.RunFor(61ms);
  EXPECT_EQ(Stored(), 2U);
  // The next one has an interval of its own.
  loop_.Enter([this] { PutOne(); });
  world_.RunFor(990ms);
  EXPECT_EQ(Stored(), 2U);
  world_.RunFor(11ms);
  EXPECT_EQ(Stored(), 3U);
}

TEST_F(TapQueueTest, ManyGoAtOnce) {
  Start();
  loop_.Enter([this] {
    for (std::size_t i = 0; i < 300; ++i)
      PutOne();
  });
  world_.RunFor(2s);
  EXPECT_EQ(Stored(), 300U);
}

TEST_F(TapQueueTest, AFullQueueDropsAndCounts) {
  Start({.bytes_max = 10 * TapQueue::kCopyOverhead});
  pool_.set_duration(1h);
  loop_.Enter([this] {
    for (int i = 0; i < 9; ++i)
      PutOne(1);
    TapQueue::Copy copy = queue_->Take();
    EXPECT_EQ(copy, nullptr);
    EXPECT_EQ(queue_->Take(), nullptr);
  });
  EXPECT_EQ(counts_.queue_full.value(), 2U);
  EXPECT_EQ(counts_.taken.value(), 9U);
  pool_.set_duration(0ms);
}

TEST_F(TapQueueTest, ACopyThatOutgrowsTheBoundIsGivenUp) {
  Start({.bytes_max = 4 * TapQueue::kCopyOverhead});
  loop_.Enter([this] {
    TapQueue::Copy copy = queue_->Take();
    EXPECT_FALSE(queue_->Grow(1 * kMiB));
    queue_->Drop(std::move(copy));
    EXPECT_EQ(counts_.bytes.value(), 0);
    PutOne();
  });
  EXPECT_EQ(counts_.queue_full.value(), 1U);
  world_.RunFor(2s);
  EXPECT_EQ(Stored(), 1U);
}

TEST_F(TapQueueTest, ABusyPoolIsOfferedTheBatchAgain) {
  Start();
  pool_.set_duration(300ms);
  loop_.Enter([this] {
    for (std::size_t i = 0; i < 8 * TapQueue::kBatchCopies; ++i)
      PutOne();
  });
  world_.RunFor(10s);
  EXPECT_EQ(Stored(), 8 * TapQueue::kBatchCopies);
}

TEST_F(TapQueueTest, AClosedQueueHandsOverWhatIsStillUnderWay) {
  Start();
  TapQueue::Copy late;
  loop_.Enter([this, &late] {
    late = queue_->Take();
    PutOne();
    queue_->Close();
    EXPECT_EQ(queue_->Take(), nullptr);
  });
  world_.RunFor(1s);
  EXPECT_FALSE(queue_->is_quiet());
  EXPECT_EQ(Stored(), 1U);
  loop_.Enter([this, &late] { queue_->Put(std::move(late)); });
  world_.RunFor(1s);
  EXPECT_TRUE(queue_->is_quiet());
  EXPECT_EQ(Stored(), 2U);
}

TEST_F(TapQueueTest, CountsOfClassesComeAlong) {
  Start();
  loop_.Enter([this] {
    static_cast<void>(
        queue_->sampler().Classify({.route = "r", .method = "GET", .status = 200}, true, {}));
    PutOne();
  });
  world_.RunFor(2s);
  EXPECT_EQ((*archive::RecordingReader::Open(sink_options_.recording.path))->Counts().size(), 1U);
}

}  // namespace
}  // namespace sluice::traffic::tap
