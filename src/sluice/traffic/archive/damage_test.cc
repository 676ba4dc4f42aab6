// A recording that was cut or damaged gives what can be read of it, and an account of the rest.

#include <gmock/gmock.h>
#include <unistd.h>

#include "sluice/contract/random.h"
#include "sluice/traffic/archive/recording_fixture.h"

namespace sluice::traffic::archive {
namespace {

using testing::SizeIs;
using wire::recording::RecordedExchange;

struct Readable {
  std::size_t whole = 0;
  std::uint64_t lost = 0;
  std::vector<std::string> why;
};

Readable ReadAll(const std::string& path) {
  Readable readable;
  const auto reader = RecordingReader::Open(path);
  if (!reader) {
    readable.why.push_back(reader.error().detail);
    return readable;
  }
  const RecordingList list = (*reader)->List({});
  readable.lost = list.unreadable;
  readable.why = list.problems;
  for (const RecordingEntry& entry : list.entries) {
    if ((*reader)->Load(entry.id)) {
      ++readable.whole;
    } else {
      ++readable.lost;
    }
  }
  return readable;
}

std::int64_t SizeOf(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  std::fseek(file, 0, SEEK_END);
  const std::int64_t size = std::ftell(file);
  std::fclose(file);
  return size;
}

TEST_F(RecordingTest, ACutFileGivesWhatIsLeft) {
  {
    Random random(1);
    const auto writer = Writer();
    for (int i = 0; i < 20; ++i) {
      std::vector<RecordedExchange> exchanges = Exchanges(100 * i, 100);
      for (RecordedExchange& exchange : exchanges) {
        for (int k = 0; k < 100; ++k) {  // Bytes that no compressor makes fewer.
          const std::uint64_t word = random.Next();
          exchange.response.body.append(reinterpret_cast<const char*>(&word), sizeof word);
        }
      }
      ASSERT_TRUE(Append(*writer, exchanges));
    }
  }
  const std::int64_t size = SizeOf(path_);
  std::size_t before = 2000;
  for (const int percent : {90, 60, 30}) {
    ASSERT_EQ(::truncate(path_.c_str(), size * percent / 100), 0);
    const Readable readable = ReadAll(path_);
    EXPECT_GT(readable.lost, 0U) << percent;
    EXPECT_LT(readable.whole, before) << percent;
    const std::size_t expected_min = percent >= 60 ? 200 : 0;
    EXPECT_GE(readable.whole, expected_min) << percent << testing::PrintToString(readable.why);
    before = readable.whole;
  }
}

TEST_F(RecordingTest, ADamagedBlockCostsItsOwnExchanges) {
  ASSERT_TRUE(Append(*Writer(), Exchanges(0, 256)));
  ASSERT_TRUE(Database::Open(path_, Database::Mode::kWrite)
                  ->Execute("UPDATE block SET data = x'00112233' WHERE id = 2"));
  const Readable readable = ReadAll(path_);
  EXPECT_EQ(readable.whole, 192U);
  EXPECT_EQ(readable.lost, 64U);
  EXPECT_THAT(Reader()->Load(65).error().detail, testing::HasSubstr("block 2"));
}

TEST_F(RecordingTest, AMissingBlockAndAWrongPlaceAreErrorsToo) {
  ASSERT_TRUE(Append(*Writer(), Exchanges(0, 70)));
  ASSERT_TRUE(Database::Open(path_, Database::Mode::kWrite)
                  ->Execute("DELETE FROM block WHERE id = 2; "
                            "UPDATE exchange SET size = -1 WHERE id = 1"));
  const auto reader = Reader();
  EXPECT_FALSE(reader->Load(65));
  EXPECT_FALSE(reader->Load(1));
  EXPECT_TRUE(reader->Load(2));
  // A search in texts counts what it could not look into.
  const RecordingList list = reader->List({.text = "body"});
  EXPECT_THAT(list.entries, SizeIs(63));
  EXPECT_EQ(list.unreadable, 7U);
}

}  // namespace
}  // namespace sluice::traffic::archive
