#include "sluice/platform/linux/spill_queue.h"

#include <algorithm>
#include <array>
#include <string>

#include <gtest/gtest.h>

namespace sluice::platform {
namespace {

class SpillQueueTest : public testing::Test {
 protected:
  // Takes bytes out in portions of up to `portion`.
  std::string Drain(Bytes portion) {
    std::string all;
    while (!queue_.empty()) {
      std::array<iovec, 3> parts{};
      const std::size_t count = queue_.Peek(parts);
      EXPECT_GE(count, 1U);
      const Bytes taken = std::min(portion, parts[0].iov_len);
      all.append(static_cast<const char*>(parts[0].iov_base), taken);
      queue_.Consume(pool_, taken);
    }
    return all;
  }

  SpillPool pool_;
  SpillQueue queue_;
};

std::string Letters(Bytes bytes) {
  std::string text(bytes, 'a');
  for (Bytes i = 0; i < bytes; ++i) {
    text[i] = static_cast<char>('a' + i % 26);
  }
  return text;
}

TEST_F(SpillQueueTest, GivesBytesBackInOrderAcrossBlocks) {
  const std::string text = Letters(100'000);
  for (Bytes at = 0; at < text.size(); at += 777) {
    queue_.Append(pool_, ByteView(text).substr(at, 777));
  }
  EXPECT_EQ(Drain(1'000), text);
}

TEST_F(SpillQueueTest, PeekFillsNoMoreThanAsked) {
  queue_.Append(pool_, Letters(100'000));
  std::array<iovec, 3> parts{};
  EXPECT_EQ(queue_.Peek(parts), 3U);
  queue_.Clear(pool_);
  EXPECT_EQ(queue_.Peek(parts), 0U);
}

TEST_F(SpillQueueTest, ConsumeSpansBlocks) {
  const std::string text = Letters(50'000);
  queue_.Append(pool_, text);
  queue_.Consume(pool_, 40'000);
  EXPECT_EQ(Drain(50'000), text.substr(40'000));
}

TEST_F(SpillQueueTest, AnEmptyViewTakesNoBlock) {
  queue_.Append(pool_, {});
  EXPECT_TRUE(queue_.empty());
}

TEST_F(SpillQueueTest, BlocksGoRoundAndTheSparesAreBounded) {
  queue_.Append(pool_, Letters(40'000));
  queue_.Clear(pool_);
  EXPECT_EQ(pool_.spares(), 3U);
  queue_.Append(pool_, Letters(40'000));
  EXPECT_EQ(pool_.spares(), 0U);
  queue_.Append(pool_, Letters(4 * kMiB));
  queue_.Clear(pool_);
  EXPECT_EQ(pool_.spares(), SpillPool::kSparesMax);
}

}  // namespace
}  // namespace sluice::platform
