// What is written to a recording is read from it, in its order and within its bounds.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "sluice/traffic/archive/recording_fixture.h"

namespace sluice::traffic::archive {
namespace {

using testing::ElementsAre;
using wire::recording::Direction;
using wire::recording::RecordedExchange;

TEST_F(RecordingTest, GivesBackWhatWasPutIn) {
  RecordedExchange before = Exchange(7);
  before.direction = Direction::kEgress;
  before.protocol = "http/1.0";
  before.upstream_duration = Nanos(5);
  before.listener = "out";
  before.upstream = "pay";
  before.endpoint = "10.0.0.1:80";
  before.version = "v2";
  before.reason = "upstream_timeout";
  before.span_id = std::string(16, 'a');
  before.parent_id = std::string(16, 'b');
  before.connection = 3;
  before.attempts = 2;
  before.masked = 5;
  before.request.body = std::string("\0\xff", 2);
  before.request.body_bytes = 1000;
  before.request.is_truncated = true;
  before.response.is_opaque = true;
  ASSERT_TRUE(Append(*Writer(), {before}));

  const RecordedExchange after = *Reader()->Load(1);
  EXPECT_EQ(after.direction, before.direction);
  EXPECT_EQ(after.protocol, before.protocol);
  EXPECT_EQ(after.started, before.started);
  EXPECT_EQ(after.duration, before.duration);
  EXPECT_EQ(after.upstream_duration, before.upstream_duration);
  EXPECT_EQ(after.method, "GET");
  EXPECT_EQ(after.host, "a.test");
  EXPECT_EQ(after.target, "/item/7");
  EXPECT_EQ(after.status, 200);
  EXPECT_EQ(after.listener, before.listener);
  EXPECT_EQ(after.route, before.route);
  EXPECT_EQ(after.upstream, before.upstream);
  EXPECT_EQ(after.endpoint, before.endpoint);
  EXPECT_EQ(after.version, before.version);
  EXPECT_EQ(after.reason, before.reason);
  EXPECT_EQ(after.trace_id, before.trace_id);
  EXPECT_EQ(after.span_id, before.span_id);
  EXPECT_EQ(after.parent_id, before.parent_id);
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_EQ(after.connection, before.connection);
  EXPECT_EQ(after.attempts, before.attempts);
  EXPECT_EQ(after.masked, before.masked);
  EXPECT_EQ(after.request.head, before.request.head);
  EXPECT_EQ(after.request.body, before.request.body);
  EXPECT_TRUE(after.request.is_truncated);
  EXPECT_FALSE(after.response.is_truncated);
  EXPECT_EQ(after.response.body, before.response.body);
  EXPECT_TRUE(after.response.is_opaque);
  EXPECT_FALSE(after.request.is_opaque);
}

TEST_F(RecordingTest, ManyExchangesTakeSeveralBlocks) {
  ASSERT_TRUE(Append(*Writer(), Exchanges(0, 1000)));
  const auto reader = Reader();
  const RecordingList list = reader->List({});
  ASSERT_EQ(list.entries.size(), 1000U);
  EXPECT_EQ(list.unreadable, 0U);
  for (const int number : {0, 63, 64, 999}) {
    const auto& entry = list.entries[static_cast<std::size_t>(number)];
    EXPECT_EQ(reader->Load(entry.id)->response.body, "body of " + std::to_string(number));
  }
  EXPECT_EQ(reader->LoadIndex(list.entries[5].id)->response.body, "");
  EXPECT_EQ(reader->Load(5000).error().code, ErrorCode::kNotFound);
}

TEST_F(RecordingTest, LargeBodiesEndABlockEarly) {
  std::vector<RecordedExchange> exchanges = Exchanges(0, 4);
  for (RecordedExchange& exchange : exchanges)
    exchange.response.body.assign(3 * kMiB, 'x');
  ASSERT_TRUE(Append(*Writer(), exchanges));
  const Database database = *Database::Open(path_, Database::Mode::kRead);
  EXPECT_EQ(*database.AskNumber("SELECT max(id) FROM block"), 2);
  EXPECT_EQ(Reader()->Load(4)->response.body.size(), 3 * kMiB);
}

TEST_F(RecordingTest, IsListedInTheOrderOfBeginning) {
  const auto writer = Writer();
  ASSERT_TRUE(Append(*writer, {Exchange(5), Exchange(3)}));
  ASSERT_TRUE(Append(*writer, {Exchange(4)}));
  const RecordingList list = Reader()->List({});  // While it is being written.
  ASSERT_EQ(list.entries.size(), 3U);
  EXPECT_EQ(list.entries[0].sequence, 3U);
  EXPECT_EQ(list.entries[2].sequence, 5U);
}

TEST_F(RecordingTest, FiltersByEachOfItsParts) {
  std::vector<RecordedExchange> exchanges = Exchanges(0, 10);
  exchanges[4].direction = Direction::kEgress;
  exchanges[5].response.head = "HTTP/1.1 503 No\r\n";
  exchanges[6].request.head = "POST /other?needle HTTP/1.1\r\nHost: b.test\r\n";
  exchanges[7].upstream = "pay";
  for (RecordedExchange& exchange : exchanges)
    FillFromHeads(exchange);
  ASSERT_TRUE(Append(*Writer(), exchanges));
  const auto reader = Reader();
  const auto numbers = [&reader](const RecordingFilter& filter) {
    std::vector<std::uint64_t> found;
    for (const RecordingEntry& entry : reader->List(filter).entries)
      found.push_back(entry.sequence);
    return found;
  };
  EXPECT_THAT(numbers({.direction = Direction::kEgress}), ElementsAre(4));
  EXPECT_THAT(numbers({.route = "odd"}), ElementsAre(1, 3, 5, 7, 9));
  EXPECT_THAT(numbers({.upstream = "pay"}), ElementsAre(7));
  EXPECT_THAT(numbers({.method = "POST"}), ElementsAre(6));
  EXPECT_THAT(numbers({.host = "b.test"}), ElementsAre(6));
  EXPECT_THAT(numbers({.path_prefix = "/other"}), ElementsAre(6));
  EXPECT_THAT(numbers({.trace_id = exchanges[2].trace_id}), ElementsAre(2));
  EXPECT_THAT(numbers({.status_min = 500}), ElementsAre(5));
  EXPECT_THAT(numbers({.since = exchanges[8].started}), ElementsAre(8, 9));
  EXPECT_THAT(numbers({.until = exchanges[1].started}), ElementsAre(0));
  EXPECT_THAT(numbers({.duration_min = std::chrono::milliseconds(9)}), ElementsAre(9));
  EXPECT_THAT(numbers({.text = "body of 3"}), ElementsAre(3));
  EXPECT_THAT(numbers({.text = "needle"}), ElementsAre(6));
  EXPECT_THAT(numbers({.route = "even", .text = "body of 3"}), ElementsAre());
}

TEST_F(RecordingTest, IsContinuedWhereItEnded) {
  ASSERT_TRUE(Append(*Writer(), Exchanges(0, 3)));
  const auto writer = Writer();
  EXPECT_EQ(writer->size().exchanges, 3U);
  ASSERT_TRUE(Append(*writer, Exchanges(3, 2)));
  EXPECT_EQ(Reader()->List({}).entries.size(), 5U);
}

TEST_F(RecordingTest, TwoWritersDoNotDisturbOneAnother) {
  const auto one = Writer();
  const auto two = Writer();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Append(*one, Exchanges(10 * i, 2)));
    ASSERT_TRUE(Append(*two, Exchanges(10 * i + 2, 2)));
  }
  EXPECT_EQ(Reader()->List({}).entries.size(), 20U);
}

TEST_F(RecordingTest, StaysWithinItsSizeByLettingTheOldestGo) {
  const auto writer = Writer({.bytes_max = 2 * kMiB});
  std::uint64_t noise = 1;
  for (int i = 0; i < 60; ++i) {
    RecordedExchange exchange = Exchange(i);
    for (int k = 0; k < 25'000; ++k) {  // 200 KB that no compressor makes smaller.
      noise = noise * 6364136223846793005U + 1442695040888963407U;
      exchange.response.body.append(reinterpret_cast<const char*>(&noise), sizeof noise);
    }
    ASSERT_TRUE(Append(*writer, {exchange}));
    EXPECT_LE(writer->size().bytes, 2 * kMiB);
  }
  EXPECT_GT(writer->size().evicted, 40U);
  const RecordingList list = Reader()->List({});
  EXPECT_EQ(list.entries.size(), writer->size().exchanges);
  EXPECT_EQ(list.entries.back().sequence, 59U);
  const Database database = *Database::Open(path_, Database::Mode::kRead);
  EXPECT_LE(*database.AskNumber("PRAGMA page_count") * *database.AskNumber("PRAGMA page_size"),
            static_cast<std::int64_t>(3 * kMiB));
}

TEST_F(RecordingTest, LetsGoOfWhatIsTooOld) {
  const auto writer = Writer({.age_max = std::chrono::seconds(100)});
  ASSERT_TRUE(Append(*writer, Exchanges(0, 2)));
  ASSERT_TRUE(Append(*writer, Exchanges(50, 2)));
  ASSERT_TRUE(Append(*writer, Exchanges(120, 2)));
  const RecordingList list = Reader()->List({});
  ASSERT_EQ(list.entries.size(), 4U);
  EXPECT_EQ(list.entries.front().sequence, 50U);
  EXPECT_EQ(writer->size().evicted, 2U);
}

TEST_F(RecordingTest, AClockThatJumpsCostsAFewBlocksOnly) {
  const auto writer = Writer({.age_max = std::chrono::seconds(100'000)});
  ASSERT_TRUE(Append(*writer, Exchanges(0, 64 * 20)));
  ASSERT_TRUE(Append(*writer, {Exchange(100'000'000)}));
  EXPECT_EQ(writer->size().evicted, 64U * 8);
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(Append(*writer, {Exchange(2'000 + i)}));
  EXPECT_EQ(writer->size().evicted, 64U * 8);
}

TEST_F(RecordingTest, IsOneFileOnceItIsClosed) {
  ASSERT_TRUE(Append(*Writer(), Exchanges(0, 10)));
  for (const char* suffix : {"-wal", "-shm"}) {
    std::FILE* const left = std::fopen((path_ + suffix).c_str(), "rb");
    EXPECT_EQ(left, nullptr) << suffix;
    if (left != nullptr) std::fclose(left);
  }
}

TEST_F(RecordingTest, IsForItsOwnerAloneWithItsJournal) {
  const auto writer = Writer();
  ASSERT_TRUE(Append(*writer, Exchanges(0, 1)));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST_F(RecordingTest, CountsOfAClassAddUp) {
  const auto writer = Writer();
  const std::vector<ClassCount> counts{
      {.route = "r", .method = "GET", .status_class = 2, .seen = 10, .kept = 1}};
  ASSERT_TRUE(writer->AddCounts(counts));
  ASSERT_TRUE(writer->AddCounts(counts));
  const std::vector<ClassCount> read = Reader()->Counts();
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].seen, 20U);
  EXPECT_EQ(read[0].kept, 2U);
}

TEST_F(RecordingTest, SaysWhatItsWriterSaid) {
  const auto writer = Writer({.creator = "sluice 9"});
  ASSERT_TRUE(writer->Note("masking", "off"));
  ASSERT_TRUE(writer->Note("masking", "on"));
  EXPECT_EQ(Reader()->NoteOf("masking"), "on");
  EXPECT_EQ(Reader()->NoteOf("creator"), "sluice 9");
  EXPECT_EQ(Reader()->NoteOf("nothing"), "");
}

TEST_F(RecordingTest, AFailedAppendLeavesNothingAndTheNextOneWorks) {
  const auto writer = Writer();
  {
    const Database other = *Database::Open(path_, Database::Mode::kWrite);
    ASSERT_TRUE(other.Execute("BEGIN IMMEDIATE"));
    const Result<void> refused = Append(*writer, Exchanges(0, 3));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInputOutput);
    EXPECT_EQ(writer->size().exchanges, 0U);
  }
  EXPECT_TRUE(Append(*writer, Exchanges(0, 3)));
  EXPECT_EQ(Reader()->List({}).entries.size(), 3U);
}

TEST_F(RecordingTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_FALSE(RecordingWriter::Open({.path = path_, .bytes_max = 10}));
  EXPECT_FALSE(RecordingWriter::Open({.path = path_, .age_max = Nanos(0)}));
  EXPECT_FALSE(RecordingWriter::Open({.path = testing::TempDir() + "no/such/folder/x.db"}));
}

}  // namespace
}  // namespace sluice::traffic::archive
