#include "sluice/wire/recording/curl_command.h"

#include <gtest/gtest.h>

#include "sluice/wire/recording/base64.h"

namespace sluice::wire::recording {
namespace {

RecordedExchange Request(std::string head, std::string body = {}) {
  RecordedExchange exchange;
  exchange.request.head = std::move(head);
  exchange.request.body = std::move(body);
  FillFromHeads(exchange);
  return exchange;
}

TEST(CurlCommand, IsShortForAGet) {
  EXPECT_EQ(CurlCommand(Request("GET /a?b=1&c HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n")),
            "curl 'http://x.test/a?b=1&c'");
}

TEST(CurlCommand, SendsMethodFieldsAndBody) {
  EXPECT_EQ(CurlCommand(Request("PUT /a HTTP/1.1\r\nHost: x\r\nX-A: it's\r\nContent-Length: 2\r\n"
                                "Content-Type: text/plain\r\n",
                                "a'b")),
            "curl -X 'PUT' 'http://x/a' -H 'X-A: it'\\''s' -H 'Content-Type: text/plain'"
            " --data-binary 'a'\\''b'");
}

TEST(CurlCommand, DoesNotCallABodyAForm) {
  EXPECT_EQ(CurlCommand(Request("POST / HTTP/1.1\r\nHost: x\r\n", "b")),
            "curl 'http://x/' -H 'content-type:' --data-binary 'b'");
}

TEST(CurlCommand, AHeadAsksForTheHeadOnly) {
  EXPECT_EQ(CurlCommand(Request("HEAD / HTTP/1.1\r\nHost: x\r\n")), "curl --head 'http://x/'");
}

TEST(CurlCommand, PipesBytesThatAreNoText) {
  EXPECT_EQ(CurlCommand(Request("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\n",
                                std::string("\0\x01", 2))),
            "echo AAE= | base64 -d | curl 'http://x/' -H 'Content-Type: a/b' --data-binary @-");
}

// RFC 4648 section 10.
TEST(Base64, IsThatOfTheStandard) {
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foobar", "Zm9vYmFy"}}) {
    std::string encoded;
    AppendBase64(bytes, encoded);
    EXPECT_EQ(encoded, text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  EXPECT_EQ(DecodeBase64("Zm 8\n"), "fo");
  EXPECT_FALSE(DecodeBase64("Z"));
  EXPECT_FALSE(DecodeBase64("Zg==Zg"));
  EXPECT_FALSE(DecodeBase64("Z-8="));
}

}  // namespace
}  // namespace sluice::wire::recording
