#include "sluice/wire/recording/gor.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kEnd = "\n🐵🙈🙉\n";

std::string Request(const std::string& id, std::int64_t at, const std::string& path) {
  return "1 " + id + " " + std::to_string(at) + "\nGET " + path +
         " HTTP/1.1\r\nHost: a.test\r\n\r\n" + kEnd;
}

std::string Response(const std::string& id, std::int64_t at) {
  return "2 " + id + " " + std::to_string(at) +
         " 4000000\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
         kEnd;
}

TEST(ReadGor, JoinsRequestsAndResponses) {
  const Imported got = ReadGor(Request("a1", 1000, "/x?y=1") + Request("b2", 2000, "/z") +
                               Response("a1", 5'001'000));
  EXPECT_EQ(got.unreadable, 0U);
  ASSERT_EQ(got.exchanges.size(), 2U);
  const RecordedExchange& first = got.exchanges[0];
  EXPECT_EQ(first.method, "GET");
  EXPECT_EQ(first.target, "/x?y=1");
  EXPECT_EQ(first.host, "a.test");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.response.body, "abcde");
  EXPECT_EQ(first.started, WallTime(Nanos(1000)));
  EXPECT_EQ(first.duration, Nanos(4'000'000));
  EXPECT_EQ(got.exchanges[1].status, 0);
}

TEST(ReadGor, PutsRequestsInTheOrderOfTheirTimes) {
  const Imported got = ReadGor(Request("a", 3'000, "/late") + Request("b", 1'000, "/early"));
  ASSERT_EQ(got.exchanges.size(), 2U);
  EXPECT_EQ(got.exchanges[0].target, "/early");
}

TEST(ReadGor, AFileThatWasCutGivesWhatIsWhole) {
  const std::string whole = Request("a", 1, "/1") + Request("b", 2, "/2");
  const Imported got = ReadGor(std::string_view(whole).substr(0, whole.size() - kEnd.size() - 9));
  EXPECT_EQ(got.exchanges.size(), 1U);
  EXPECT_EQ(got.unreadable, 1U);
  EXPECT_THAT(got.problems, ElementsAre(HasSubstr("piece 2")));
}

TEST(ReadGor, CountsWhatItCannotRead) {
  const Imported got =
      ReadGor("junk" + kEnd + "9 id 5\nGET / HTTP/1.1\r\n\r\n" + kEnd + Response("nobody", 5) +
              "1 a x\nGET / HTTP/1.1\r\n\r\n" + kEnd + "1 b 1\nno message" + kEnd +
              "3 a 1 2\nHTTP/1.1 200 OK\r\n\r\n" + kEnd +
              "1 c 1\nGET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n" + kEnd + Request("ok", 1, "/"));
  EXPECT_EQ(got.exchanges.size(), 1U);
  EXPECT_EQ(got.unreadable, 6U);
}

TEST(ReadGor, AForeignFileIsUnreadableAndNoMore) {
  EXPECT_EQ(ReadGor("").unreadable, 0U);
  EXPECT_EQ(ReadGor("SQLite format 3").unreadable, 1U);
}

TEST(ReadGor, ProblemsAreBounded) {
  std::string file;
  for (int i = 0; i < 50; ++i)
    file += "junk" + kEnd;
  const Imported got = ReadGor(file);
  EXPECT_EQ(got.unreadable, 50U);
  EXPECT_EQ(got.problems.size(), Imported::kProblemsMax);
}

}  // namespace
}  // namespace sluice::wire::recording
