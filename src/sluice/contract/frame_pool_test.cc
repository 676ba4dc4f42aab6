#include "sluice/contract/frame_pool.h"

#include <cstddef>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::size_t kSizes[] = {1, 63, 64, 65, 1000, kFrameBytesMax, kFrameBytesMax + 1};

TEST(FramePool, GivesRoomForEveryByteAskedFor) {
  for (const std::size_t bytes : kSizes) {
    void* frame = AllocateFrame(bytes);
    std::memset(frame, 0xab, bytes);  // AddressSanitizer sees one byte too many.
    FreeFrame(frame, bytes);
  }
}

TEST(FramePool, LiveFramesNeverOverlap) {
  struct Live {
    unsigned char* frame;
    std::size_t bytes;
  };
  std::vector<Live> live;
  // Twice, so that the second round is made of what the first one gave back.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      for (const std::size_t bytes : kSizes) {
        auto* frame = static_cast<unsigned char*>(AllocateFrame(bytes));
        std::memset(frame, static_cast<int>(live.size() % 251), bytes);
        live.push_back({frame, bytes});
      }
    }
    for (std::size_t i = 0; i < live.size(); ++i) {
      EXPECT_EQ(live[i].frame[0], i % 251);
      EXPECT_EQ(live[i].frame[live[i].bytes - 1], i % 251);
      FreeFrame(live[i].frame, live[i].bytes);
    }
    live.clear();
  }
}

TEST(FramePool, ReusesTheFrameOfTheSameClassThatWasFreedLast) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "under AddressSanitizer every frame comes from the heap";
#endif
  void* frame = AllocateFrame(65);
  FreeFrame(frame, 65);
  void* again = AllocateFrame(128);
  EXPECT_EQ(again, frame);
  FreeFrame(again, 128);
}

}  // namespace
}  // namespace sluice
