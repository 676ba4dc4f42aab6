// What the fields of one head say together. That readers ask is told by their own tests.

#include "sluice/wire/head_facts.h"

#include <string_view>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

Refusal TakeLine(HeadFacts& facts, std::string_view text) {
  FieldLine line;
  const Refusal refusal = ReadFieldLine(text, line);
  return refusal ? refusal : facts.Take(line);
}

TEST(HeadFacts, KnowsNothingAtFirst) {
  const HeadFacts facts;
  EXPECT_FALSE(facts.is_chunked);
  EXPECT_FALSE(facts.has_content_length);
  EXPECT_TRUE(facts.keep_alive());
  EXPECT_FALSE(facts.asks_upgrade());
}

TEST(HeadFacts, AddsUpTheOptionsOfAllConnectionFields) {
  HeadFacts facts;
  EXPECT_FALSE(TakeLine(facts, "Connection: , x , UPGRADE,"));
  EXPECT_FALSE(TakeLine(facts, "Connection: Keep-Alive"));
  EXPECT_TRUE(facts.connection_upgrade);
  EXPECT_TRUE(facts.connection_keep_alive);
  EXPECT_FALSE(facts.connection_close);
  EXPECT_FALSE(facts.asks_upgrade());
  EXPECT_FALSE(TakeLine(facts, "Upgrade: websocket"));
  EXPECT_FALSE(TakeLine(facts, "Upgrade: other"));
  EXPECT_TRUE(facts.asks_upgrade());
  EXPECT_EQ(facts.upgrade_protocol, "websocket");
  EXPECT_FALSE(TakeLine(facts, "Connection: close"));
  EXPECT_FALSE(facts.keep_alive());
}

TEST(HeadFacts, LetsHttp10GoOnOnlyWhenAsked) {
  HeadFacts facts{.minor_version = 0};
  EXPECT_FALSE(facts.keep_alive());
  EXPECT_FALSE(TakeLine(facts, "Connection: keep-alive"));
  EXPECT_TRUE(facts.keep_alive());
}

TEST(HeadFacts, TellsExpectationsApart) {
  HeadFacts facts;
  EXPECT_FALSE(TakeLine(facts, "Expect: 100-CONTINUE"));
  EXPECT_TRUE(facts.expects_continue);
  EXPECT_FALSE(facts.has_unknown_expectation);
  EXPECT_FALSE(TakeLine(facts, "Expect: 100-continue, x"));
  EXPECT_TRUE(facts.has_unknown_expectation);
}

TEST(HeadFacts, RefusesASecondFramingOfAnyKind) {
  for (const std::string_view first : {"Content-Length: 1", "Transfer-Encoding: chunked"}) {
    for (const std::string_view second : {"Content-Length: 1", "Transfer-Encoding: chunked"}) {
      HeadFacts facts;
      EXPECT_FALSE(TakeLine(facts, first));
      EXPECT_TRUE(TakeLine(facts, second)) << first << " " << second;
    }
  }
}

TEST(HeadFacts, ReadsTheLargestLengthEverySideCanHold) {
  HeadFacts facts;
  EXPECT_FALSE(TakeLine(facts, "Content-Length: 9223372036854775807"));
  EXPECT_EQ(facts.content_length, 9223372036854775807U);
  HeadFacts over;
  EXPECT_EQ(TakeLine(over, "Content-Length: 9223372036854775808").rule,
            "Content-Length is over 2^63-1");
}

}  // namespace
}  // namespace sluice::wire
