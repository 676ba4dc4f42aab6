#include "sluice/state/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::state {
namespace {

using testing::ElementsAre;

std::string ThreeFrames() {
  std::string file;
  for (const std::string_view record : {"first", "second", "third"})
    AppendFrame(record, file);
  return file;
}

TEST(Frame, TheChecksumIsCastagnolis) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);  // RFC 3720's check value.
}

TEST(Frame, ReadsWhatWasWritten) {
  const Frames frames = ReadFrames(ThreeFrames());
  EXPECT_THAT(frames.records, ElementsAre("first", "second", "third"));
  EXPECT_EQ(frames.end, FileEnd::kWhole);
  EXPECT_EQ(frames.good_bytes, ThreeFrames().size());
  EXPECT_TRUE(ReadFrames("").records.empty());
}

TEST(Frame, CutAtAnyByteKeepsEveryWholeRecord) {
  const std::string whole = ThreeFrames();
  for (Bytes size = 0; size < whole.size(); ++size) {
    const Frames frames = ReadFrames(ByteView(whole).substr(0, size));
    const Bytes first = 17;
    const Bytes second = first + 18;
    const std::size_t expected = size < first ? 0U : size < second ? 1U : 2U;
    EXPECT_EQ(frames.records.size(), expected) << size;
    const bool is_edge = size == 0 || size == first || size == second;
    EXPECT_EQ(frames.end, is_edge ? FileEnd::kWhole : FileEnd::kTorn) << size;
  }
}

TEST(Frame, AnyFlippedBitIsNoticedAndNothingWrongIsRead) {
  const std::string whole = ThreeFrames();
  const std::vector<std::string> records = {"first", "second", "third"};
  for (Bytes at = 0; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string file = whole;
      file[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ (1U << bit));
      const Frames frames = ReadFrames(file);
      EXPECT_NE(frames.end, FileEnd::kWhole);
      ASSERT_LT(frames.records.size(), 3U);
      for (std::size_t i = 0; i < frames.records.size(); ++i)
        EXPECT_EQ(frames.records[i], records[i]);
      // With whole records behind it, it is damage and not a torn end.
      if (at < 35) {
        EXPECT_EQ(frames.end, FileEnd::kDamaged) << at << " " << bit;
      }
    }
  }
}

TEST(Frame, UnwrittenBlocksAreATornEnd) {
  std::string file = ThreeFrames();
  file.append(4096, '\0');
  const Frames frames = ReadFrames(file);
  EXPECT_EQ(frames.records.size(), 3U);
  EXPECT_EQ(frames.end, FileEnd::kTorn);
}

}  // namespace
}  // namespace sluice::state
