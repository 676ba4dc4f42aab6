// What is a recording, and what is refused.

#include "sluice/traffic/archive/schema.h"

#include <gmock/gmock.h>

#include "sluice/traffic/archive/recording_fixture.h"

namespace sluice::traffic::archive {
namespace {

using testing::HasSubstr;

TEST_F(RecordingTest, ALaterSchemaIsRefusedByItsVersion) {
  Writer().reset();
  ASSERT_TRUE(Database::Open(path_, Database::Mode::kWrite)->Execute("PRAGMA user_version = 7"));
  const auto reader = RecordingReader::Open(path_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(reader.error().detail, HasSubstr("schema version 7"));
  EXPECT_THAT(reader.error().detail, HasSubstr("up to version 1"));
  EXPECT_FALSE(RecordingWriter::Open({.path = path_}));
}

TEST_F(RecordingTest, AnotherDatabaseIsNoRecording) {
  ASSERT_TRUE(Database::Open(path_, Database::Mode::kCreate)->Execute("CREATE TABLE x (y)"));
  const auto reader = RecordingReader::Open(path_);
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().detail, HasSubstr("is no recording"));
  EXPECT_FALSE(RecordingWriter::Open({.path = path_}));
}

TEST_F(RecordingTest, AnotherFileIsNoRecordingAndStaysAsItIs) {
  std::FILE* file = std::fopen(path_.c_str(), "wb");
  const std::string text(4000, 'x');
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  EXPECT_FALSE(RecordingReader::Open(path_));
  EXPECT_FALSE(RecordingWriter::Open({.path = path_}));
  file = std::fopen(path_.c_str(), "rb");
  std::string after(5000, ' ');
  after.resize(std::fread(after.data(), 1, after.size(), file));
  std::fclose(file);
  EXPECT_EQ(after, text);
}

TEST_F(RecordingTest, AMissingFileIsNotFoundAndNotMade) {
  const auto reader = RecordingReader::Open(path_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(std::fopen(path_.c_str(), "rb"), nullptr);
}

TEST_F(RecordingTest, EveryColumnIsReadAndWritten) {
  Writer().reset();
  const Database database = *Database::Open(path_, Database::Mode::kRead);
  EXPECT_TRUE(database.Prepare(SelectExchangeSql()));
  EXPECT_EQ(*database.AskNumber("SELECT count(*) FROM pragma_table_info('exchange')"), 29);
}

}  // namespace
}  // namespace sluice::traffic::archive
