#include "sluice/wire/recording/recorded_exchange.h"

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

TEST(RecordedExchange, IsFilledFromItsHeads) {
  RecordedExchange exchange;
  exchange.request.head = "PUT /a?b HTTP/1.1\r\nhost: x.test:81\r\n";
  exchange.response.head = "HTTP/1.1 204 No Content\r\n";
  FillFromHeads(exchange);
  EXPECT_EQ(exchange.method, "PUT");
  EXPECT_EQ(exchange.target, "/a?b");
  EXPECT_EQ(exchange.host, "x.test:81");
  EXPECT_EQ(exchange.status, 204);
}

TEST(RecordedExchange, KeepsHostAndStatusWhereHeadsDoNotTell) {
  RecordedExchange exchange;
  exchange.host = "before";
  exchange.status = 0;
  exchange.request.head = "GET / HTTP/1.0\r\n";
  exchange.response.head = "HTTP/1.1 odd\r\n";
  FillFromHeads(exchange);
  EXPECT_EQ(exchange.host, "before");
  EXPECT_EQ(exchange.status, 0);
  RecordedExchange empty;
  FillFromHeads(empty);
  EXPECT_EQ(empty.method, "");
}

TEST(RecordedExchange, FieldsAreFoundWithoutCaseAndInOrder) {
  const std::string_view head = "GET / HTTP/1.1\r\nA: 1\r\nnocolon\r\nb:\t2 \r\nA: 3\r\n";
  EXPECT_EQ(FieldOf(head, "a"), "1");
  EXPECT_EQ(FieldOf(head, "B"), "2");
  EXPECT_EQ(FieldOf(head, "GET /"), "");
  const std::vector<HeaderLine> fields = FieldsOf(head);
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[2].value, "3");
}

}  // namespace
}  // namespace sluice::wire::recording
