#include "sluice/wire/recording/sendable.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

RecordedExchange Recorded(std::string head) {
  RecordedExchange exchange;
  exchange.request.head = std::move(head);
  exchange.response.head = "HTTP/1.1 200 OK\r\n";
  FillFromHeads(exchange);
  return exchange;
}

TEST(Sendable, WholeRequestsAre) {
  EXPECT_TRUE(IsSendable(Recorded("GET /a?b=c HTTP/1.1\r\nHost: x:80\r\nA: b\tc d\r\n")));
  EXPECT_TRUE(IsSendable(Recorded("OPTIONS * HTTP/1.1\r\n")));
}

TEST(Sendable, WhatWouldBreakALineOrAWordIsNot) {
  for (const char* head : {"", "G(T / HTTP/1.1\r\n", "GET x HTTP/1.1\r\n", "GET /\x01 HTTP/1.1\r\n",
                           "GET /\t HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n",
                           "GET / HTTP/1.1\r\nA: b\nc\r\n", "GET / HTTP/1.1\r\nA b: c\r\n"}) {
    EXPECT_FALSE(IsSendable(Recorded(head))) << head;
  }
}

TEST(Sendable, AFieldMayNameAnotherMethod) {
  for (const char* name :
       {"X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X-Original-Method"}) {
    EXPECT_TRUE(
        OverridesMethod(Recorded("GET / HTTP/1.1\r\n" + std::string(name) + ": DELETE\r\n")));
  }
  EXPECT_FALSE(OverridesMethod(Recorded("GET / HTTP/1.1\r\nAllow: DELETE\r\n")));
}

}  // namespace
}  // namespace sluice::wire::recording
