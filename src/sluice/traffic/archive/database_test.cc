#include "sluice/traffic/archive/database.h"

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace sluice::traffic::archive {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() { std::remove(path_.c_str()); }
  ~DatabaseTest() override { std::remove(path_.c_str()); }

  std::string path_ = testing::TempDir() + "database_test ?#%.db";
};

TEST_F(DatabaseTest, KeepsBytesAndNumbers) {
  const std::string bytes("\0'\xff", 3);
  {
    const Database database = *Database::Open(path_, Database::Mode::kCreate);
    ASSERT_TRUE(database.Execute("CREATE TABLE t (a INTEGER, b TEXT, c BLOB)"));
    Statement insert = *database.Prepare("INSERT INTO t VALUES (?,?,?)");
    insert.Bind(0, std::int64_t{-5});
    insert.Bind(1, "");
    insert.BindBytes(2, bytes);
    ASSERT_TRUE(insert.Run());
    ASSERT_TRUE(insert.Run());  // A statement is used again.
  }
  for (const Database::Mode mode : {Database::Mode::kRead, Database::Mode::kSalvage}) {
    const Database database = *Database::Open(path_, mode);
    Statement select = *database.Prepare("SELECT a, b IS NULL, c FROM t");
    ASSERT_TRUE(*select.Step());
    EXPECT_EQ(select.Number(0), -5);
    EXPECT_EQ(select.Number(1), 0);
    EXPECT_EQ(select.Text(2), bytes);
    EXPECT_TRUE(*select.Step());
    EXPECT_FALSE(*select.Step());
    EXPECT_EQ(*database.AskNumber("SELECT count(*) FROM t"), 2);
    EXPECT_EQ(*database.AskNumber("SELECT a FROM t WHERE a > 0"), 0);
    EXPECT_FALSE(database.Execute("DELETE FROM t"));
  }
}

TEST_F(DatabaseTest, SaysWhatWentWrong) {
  EXPECT_EQ(Database::Open(path_, Database::Mode::kRead).error().code, ErrorCode::kNotFound);
  const Database database = *Database::Open(path_, Database::Mode::kCreate);
  EXPECT_FALSE(database.Prepare("SELEC"));
  EXPECT_FALSE(database.Execute("INSERT INTO nowhere VALUES (1)"));
  EXPECT_FALSE(database.AskNumber("SELECT * FROM nowhere"));
  ASSERT_TRUE(database.Execute("CREATE TABLE t (a UNIQUE)"));
  Statement insert = *database.Prepare("INSERT INTO t VALUES (1)");
  EXPECT_TRUE(insert.Run());
  EXPECT_EQ(insert.Run().error().code, ErrorCode::kInputOutput);
}

}  // namespace
}  // namespace sluice::traffic::archive
