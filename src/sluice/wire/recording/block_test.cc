#include "sluice/wire/recording/block.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

RecordedExchange Exchange(const std::string& body) {
  RecordedExchange exchange;
  exchange.request.head = "GET / HTTP/1.1\r\nHost: a\r\n";
  exchange.response.head = "HTTP/1.1 200 OK\r\n";
  exchange.response.body = body;
  return exchange;
}

std::string Packed(std::string_view content) {
  BlockPacker packer;
  std::string block;
  EXPECT_TRUE(packer.Pack(content, block));
  return block;
}

TEST(Block, GivesBackWhatWasPutIn) {
  std::string content;
  const std::string binary("\0\xff\r\n", 4);
  const RecordPlace first = AppendRecord(Exchange(binary), content);
  const RecordPlace second = AppendRecord(Exchange(std::string(100'000, 'x')), content);
  std::string unpacked;
  ASSERT_TRUE(UnpackBlock(Packed(content), unpacked));

  RecordedExchange read;
  ASSERT_TRUE(ReadRecord(unpacked, first, read));
  EXPECT_EQ(read.response.body, binary);
  EXPECT_EQ(read.request.head, Exchange("").request.head);
  ASSERT_TRUE(ReadRecord(unpacked, second, read));
  EXPECT_EQ(read.response.body.size(), 100'000U);
}

TEST(Block, RefusesPlacesThatAreNotInIt) {
  std::string content;
  const RecordPlace place = AppendRecord(Exchange("body"), content);
  RecordedExchange read;
  for (const RecordPlace wrong :
       {RecordPlace{.offset = place.size, .size = place.size},
        RecordPlace{.offset = 1, .size = place.size}, RecordPlace{.offset = 0, .size = 15},
        RecordPlace{.offset = 0, .size = place.size - 1},
        RecordPlace{.offset = UINT64_MAX, .size = UINT64_MAX}}) {
    const Result<void> got = ReadRecord(content, wrong, read);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::kInvalidOption);
  }
  // A record with room behind its parts.
  content += "more";
  EXPECT_FALSE(ReadRecord(content, {.offset = 0, .size = content.size()}, read));
}

TEST(Block, RefusesWhatIsNone) {
  const std::string block = Packed(std::string(5000, 'a'));
  std::string out;
  EXPECT_FALSE(UnpackBlock("", out));
  EXPECT_FALSE(UnpackBlock("not zstd at all", out));
  EXPECT_FALSE(UnpackBlock(std::string_view(block).substr(0, block.size() - 3), out));
  // A frame that promises more than any writer makes.
  std::string huge("\x28\xb5\x2f\xfd\xe0", 5);
  huge += std::string(8, '\x7f');
  const Result<void> refused = UnpackBlock(huge, out);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("at most"), std::string::npos) << refused.error().detail;
}

}  // namespace
}  // namespace sluice::wire::recording
