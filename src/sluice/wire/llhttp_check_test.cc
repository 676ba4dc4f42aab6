// Has the second opinion teeth? Our scan and llhttp agree on whatever is well-formed, so here they
// are told different things on purpose.

#include "sluice/wire/llhttp_check.h"

#include <string_view>

#include <gtest/gtest.h>

#include "sluice/wire/llhttp_chunks.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kHead = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
constexpr HeadFacts kFacts{.minor_version = 1,
                           .fields = 2,
                           .has_host = true,
                           .has_content_length = true,
                           .content_length = 5};

TEST(CheckRequestWithLlhttp, AgreesOnAPlainHead) {
  EXPECT_FALSE(CheckRequestWithLlhttp(kHead, "POST", kFacts));
}

TEST(CheckRequestWithLlhttp, SeesEachDifference) {
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "PUT", kFacts).rule, "llhttp reads another method");
  HeadFacts facts = kFacts;
  facts.minor_version = 0;
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "POST", facts).rule, "llhttp reads another version");
  facts = kFacts;
  facts.fields = 3;
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "POST", facts).rule, "llhttp counts other header fields");
  facts = kFacts;
  facts.content_length = 6;
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "POST", facts).rule, "llhttp reads another length");
  facts = kFacts;
  facts.has_content_length = false;
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "POST", facts).rule, "llhttp reads another framing");
  facts = kFacts;
  facts.is_chunked = true;
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "POST", facts).rule, "llhttp reads another framing");
  facts = kFacts;
  facts.has_upgrade = facts.connection_upgrade = true;
  EXPECT_EQ(CheckRequestWithLlhttp(kHead, "POST", facts).rule, "llhttp reads another upgrade");
}

TEST(CheckRequestWithLlhttp, SeesAnotherEndOfTheHead) {
  EXPECT_EQ(CheckRequestWithLlhttp(kHead.substr(0, kHead.size() - 1), "POST", kFacts).rule,
            "llhttp refuses the head");
  EXPECT_EQ(
      CheckRequestWithLlhttp("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore", "GET", {.fields = 1}).rule,
      "llhttp ends the head elsewhere");
}

TEST(CheckRequestWithLlhttp, TellsAnUnknownMethod) {
  const Refusal refusal =
      CheckRequestWithLlhttp("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "BREW", {.fields = 1});
  EXPECT_EQ(refusal.code, ErrorCode::kMethodNotAllowed);
}

TEST(CheckResponseWithLlhttp, SeesEachDifference) {
  constexpr std::string_view kResponse =
      "HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n";
  HeadFacts facts{.fields = 2, .connection_upgrade = true, .has_upgrade = true};
  EXPECT_FALSE(CheckResponseWithLlhttp(kResponse, 101, facts));
  EXPECT_EQ(CheckResponseWithLlhttp(kResponse, 200, facts).rule, "llhttp reads another status");
  facts.connection_upgrade = false;
  EXPECT_EQ(CheckResponseWithLlhttp(kResponse, 101, facts).rule, "llhttp reads another upgrade");
  facts.fields = 1;
  EXPECT_EQ(CheckResponseWithLlhttp(kResponse, 101, facts).rule,
            "llhttp counts other header fields");
  EXPECT_EQ(CheckResponseWithLlhttp("HTTP/1.1 x\r\n\r\n", 200, {}).rule, "llhttp refuses the head");
}

TEST(LlhttpChunks, SeesEachDifference) {
  LlhttpChunks chunks;
  chunks.Start();
  EXPECT_FALSE(chunks.Compare("2\r\nhi", 2, false));
  EXPECT_FALSE(chunks.Compare("\r\n0\r\n\r\n", 2, true));
  chunks.Start();
  EXPECT_EQ(chunks.Compare("2\r\nhi", 3, false).rule, "llhttp sees other content in the chunks");
  chunks.Start();
  EXPECT_EQ(chunks.Compare("0\r\n\r\n", 0, false).rule,
            "llhttp sees the end of the chunks elsewhere");
  chunks.Start();
  EXPECT_EQ(chunks.Compare("0\r\n", 0, true).rule, "llhttp sees the end of the chunks elsewhere");
  chunks.Start();
  EXPECT_EQ(chunks.Compare("x", 0, false).rule, "llhttp refuses the chunks");
  chunks.Start();
  EXPECT_FALSE(chunks.Compare("0\r\n\r\n", 0, true));
}

}  // namespace
}  // namespace sluice::wire
