#include "sluice/warmup/warmup_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/warmup/recorded_fixture.h"

namespace sluice::warmup {
namespace {

using testing::HasSubstr;
using testing::Not;
using wire::recording::RecordedExchange;

std::string Written(const RecordedExchange& exchange,
                    const Credential& credential = {},
                    std::string_view host = {}) {
  CorpusOptions options;
  options.safety = {.safe_posts = {"/"}, .has_credentials = true};
  const Corpus corpus = CorpusOf({exchange}, options);
  Random random(3);
  std::string out;
  WriteRequest(corpus.classes.at(0).samples.at(0), host, credential, random, out);
  return out;
}

TEST(WarmupRequest, SaysThatItIsAWarmup) {
  const std::string out = Written(Recorded("GET", "/a?b=c", 200, "Accept: text/plain\r\n"));
  EXPECT_THAT(out, testing::StartsWith("GET /a?b=c HTTP/1.1\r\nhost: booking.test\r\n"));
  EXPECT_THAT(out, HasSubstr("Accept: text/plain\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\nx-sluice-purpose: warmup\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\nbaggage: sluice.purpose=warmup\r\n"));
  EXPECT_THAT(out, testing::EndsWith("\r\n\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("content-length")));
}

TEST(WarmupRequest, NothingOfAUserGoesWithIt) {
  const std::string out = Written(Recorded(
      "GET", "/a", 200,
      "Cookie: s=1\r\nAuthorization: Bearer old\r\nIdempotency-Key: old\r\nBaggage: lane=old\r\n"
      "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
      "Tracestate: old\r\nX-Api-Key: old\r\nX-Sluice-Purpose: old\r\nX-Request-Id: old\r\n"
      "X-Session: masked-0011223344556677\r\n"));
  for (const char* gone : {"old", "Cookie", "0af7651916cd43dd", "masked"})
    EXPECT_THAT(out, Not(HasSubstr(gone)));
}

TEST(WarmupRequest, EachHasATraceThatIsNotSampledAndAKeyOfItsOwn) {
  const Corpus corpus = CorpusOf({Recorded("GET", "/a")});
  Random random(3);
  std::string one;
  std::string other;
  WriteRequest(corpus.classes[0].samples[0], {}, {}, random, one);
  WriteRequest(corpus.classes[0].samples[0], {}, {}, random, other);
  EXPECT_THAT(one, testing::ContainsRegex("traceparent: 00-[0-9a-f]*-[0-9a-f]*-00\r\n"));
  EXPECT_THAT(one, testing::ContainsRegex("idempotency-key: wu-[0-9a-f]*\r\n"));
  const auto key_of = [](const std::string& text) { return text.substr(text.find("wu-"), 35); };
  EXPECT_NE(key_of(one), key_of(other));
}

TEST(WarmupRequest, ABodyIsSentWithItsLength) {
  RecordedExchange search = Recorded("POST", "/search", 200,
                                     "Content-Type: application/json\r\nContent-Length: 99\r\n"
                                     "Transfer-Encoding: chunked\r\n");
  search.request.body = "{\"q\":1}";
  search.request.body_bytes = 7;
  const std::string out = Written(search);
  EXPECT_THAT(out, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(out, HasSubstr("content-length: 7\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("chunked")));
  EXPECT_THAT(out, Not(HasSubstr("99")));
  EXPECT_THAT(out, testing::EndsWith("\r\n\r\n{\"q\":1}"));
  search.request.body.clear();
  EXPECT_THAT(Written(search), HasSubstr("content-length: 0\r\n"));
}

TEST(WarmupRequest, CredentialsReplaceWhatWasRecorded) {
  const Credential credential{{{"authorization", "Bearer new"}, {"x-tenant", "warm"}}};
  const std::string out = Written(
      Recorded("GET", "/a", 200, "Authorization: Bearer old\r\nX-Tenant: t1\r\nAccept: a\r\n"),
      credential);
  EXPECT_THAT(out, HasSubstr("authorization: Bearer new\r\n"));
  EXPECT_THAT(out, HasSubstr("x-tenant: warm\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("t1")));
  EXPECT_THAT(out, HasSubstr("Accept: a\r\n"));
}

TEST(WarmupRequest, AnotherHostMayBeAsked) {
  const std::string out = Written(Recorded("GET", "/a"), {}, "other:81");
  EXPECT_THAT(out, HasSubstr("host: other:81\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("booking.test")));
}

TEST(Credential, IsReadFromLinesOrFromOneToken) {
  const Result<Credential> lines = ParseCredential("X-Api-Key: k 1\r\n\n cookie:  a=b \n");
  ASSERT_TRUE(lines.has_value());
  using Field = std::pair<std::string, std::string>;
  EXPECT_THAT(lines->fields,
              testing::ElementsAre(Field("X-Api-Key", "k 1"), Field("cookie", "a=b")));
  const Result<Credential> token = ParseCredential("abc.def\n");
  ASSERT_TRUE(token.has_value());
  EXPECT_THAT(token->fields, testing::ElementsAre(Field("authorization", "Bearer abc.def")));
}

TEST(Credential, WhatIsNoneIsRefusedWithoutTellingIt) {
  for (const char* text : {"", "\n", "two words", "a\nb", "x: y\nword", "bad name: x", "x:"}) {
    const Result<Credential> read = ParseCredential(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidOption);
    EXPECT_THAT(read.error().detail, Not(HasSubstr("word\"")));
  }
}

}  // namespace
}  // namespace sluice::warmup
