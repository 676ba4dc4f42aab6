#include "sluice/wire/recording/masker.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/wire/recording/masked_text.h"

namespace sluice::wire::recording {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr KeyedHash::Key kKey{9};

RecordedExchange Exchange() {
  RecordedExchange exchange;
  exchange.request.head =
      "POST /pay?token=t0ken&keep=1 HTTP/1.1\r\nHost: shop.test\r\n"
      "Authorization: Bearer abc.def\r\nCookie: sid=s1; theme=dark; bare\r\n"
      "X-Tenant: acme\r\nContent-Type: application/json\r\nX-Card: 4111 1111 1111 1111\r\n";
  exchange.request.body = R"({"password":"hunter2","pan":4111111111111111,"name":"ann"})";
  exchange.request.body_bytes = exchange.request.body.size();
  exchange.response.head =
      "HTTP/1.1 302 Found\r\nSet-Cookie: sid=s1; Path=/; HttpOnly\r\n"
      "Location: https://x.test/cb?access_token=zzz&ok=1\r\nContent-Type: text/plain\r\n";
  exchange.response.body = "charged 4111-1111-1111-1111";
  exchange.response.body_bytes = exchange.response.body.size();
  return exchange;
}

RecordedExchange Masked(RecordedExchange exchange, const MaskOptions& options = {}) {
  Masker::Create(options, kKey)->Mask(exchange);
  return exchange;
}

std::string MaskOf(std::string_view value) {
  std::string out;
  AppendMasked(value, KeyedHash(kKey), out);
  return out;
}

TEST(Masker, TakesCredentialsOutOfHeaders) {
  const RecordedExchange masked = Masked(Exchange());
  EXPECT_THAT(masked.request.head,
              HasSubstr("Authorization: Bearer " + MaskOf("abc.def") + "\r\n"));
  EXPECT_THAT(masked.request.head, HasSubstr("Cookie: sid=" + MaskOf("s1") + "; theme=" +
                                             MaskOf("dark") + "; " + MaskOf("bare") + "\r\n"));
  EXPECT_THAT(masked.response.head,
              HasSubstr("Set-Cookie: sid=" + MaskOf("s1") + "; Path=/; HttpOnly\r\n"));
  EXPECT_THAT(masked.request.head, HasSubstr("X-Tenant: acme\r\n"));
}

TEST(Masker, AnUnknownSchemeIsPartOfTheSecret) {
  RecordedExchange exchange = Exchange();
  exchange.request.head = "GET / HTTP/1.1\r\nAuthorization: my secret\r\n";
  EXPECT_THAT(Masked(exchange).request.head, Not(HasSubstr("my")));
}

TEST(Masker, TakesSecretsOutOfQueriesAndLinks) {
  const RecordedExchange masked = Masked(Exchange());
  EXPECT_EQ(masked.target, "/pay?token=" + MaskOf("t0ken") + "&keep=1");
  EXPECT_THAT(masked.response.head, HasSubstr("cb?access_token=" + MaskOf("zzz") + "&ok=1\r\n"));
}

TEST(Masker, TakesSecretsOutOfBodies) {
  const RecordedExchange masked = Masked(Exchange());
  EXPECT_THAT(masked.request.body, Not(HasSubstr("hunter2")));
  EXPECT_THAT(masked.request.body, HasSubstr("\"name\":\"ann\""));
  for (const std::string* text :
       {&masked.request.head, &masked.request.body, &masked.response.body})
    EXPECT_THAT(*text, Not(HasSubstr("1111")));
}

TEST(Masker, TakesSecretsOutOfForms) {
  RecordedExchange exchange = Exchange();
  exchange.request.head =
      "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n";
  exchange.request.body = "user=ann&pass%77ord=hunter2&x";
  EXPECT_EQ(Masked(exchange).request.body, "user=ann&pass%77ord=" + MaskOf("hunter2") + "&x");
}

TEST(Masker, LooksIntoJsonWhateverItsType) {
  for (const char* type : {"application/x-www-form-urlencoded", "text/plain", ""}) {
    for (const char* front : {"", "\xef\xbb\xbf", ")]}'\n", "data: ", "event: a\ndata: "}) {
      RecordedExchange exchange = Exchange();
      exchange.request.head = fmt::format("POST / HTTP/1.1\r\nContent-Type: {}\r\n", type);
      exchange.request.body = fmt::format(R"({}{{"password":"hunter2"}})", front);
      EXPECT_EQ(Masked(exchange).request.body,
                fmt::format(R"({}{{"password":"{}"}})", front, MaskOf("hunter2")))
          << type;
    }
  }
}

TEST(Masker, ATypeOfJsonIsLookedIntoWhereverItBegins) {
  RecordedExchange exchange = Exchange();
  exchange.response.head = "HTTP/1.1 200 OK\r\nContent-Type: Application/problem+JSON\r\n";
  exchange.response.body = R"(/**/cb({"password":"hunter2"}))";
  EXPECT_THAT(Masked(exchange).response.body, Not(HasSubstr("hunter2")));
}

TEST(Masker, NamesInPartsAndCompoundsAreMasked) {
  RecordedExchange exchange = Exchange();
  exchange.request.head =
      "POST /?user.password=hunter1 HTTP/1.1\r\nX-Vault-Token: hunter2\r\n"
      "Content-Type: application/x-www-form-urlencoded\r\n";
  exchange.request.body = "user[password]=hunter3&user%5BnewPassword%5D=hunter4&name=ann";
  exchange.response.body = R"({"password_confirmation":"hunter5","token_type":"Bearer"})";
  const RecordedExchange masked = Masked(exchange);
  for (const std::string* text :
       {&masked.request.head, &masked.request.body, &masked.response.body})
    EXPECT_THAT(*text, Not(HasSubstr("hunter")));
  EXPECT_THAT(masked.request.body, HasSubstr("&name=ann"));
  EXPECT_THAT(masked.response.body, HasSubstr("\"token_type\":\"Bearer\""));
}

TEST(Masker, FragmentsAreLookedIntoAsQueriesAre) {
  RecordedExchange exchange = Exchange();
  exchange.request.head = "GET /a?x=1#id_token=hunter1 HTTP/1.1\r\n";
  exchange.response.head =
      "HTTP/1.1 302 Found\r\nLocation: https://x.test/cb?a=1#access_token=hunter2&state=s\r\n"
      "Content-Location: /b#/page?token=hunter3\r\n";
  const RecordedExchange masked = Masked(exchange);
  EXPECT_EQ(masked.target, "/a?x=1#id_token=" + MaskOf("hunter1"));
  EXPECT_THAT(masked.response.head,
              HasSubstr("cb?a=1#access_token=" + MaskOf("hunter2") + "&state=s\r\n"));
  EXPECT_THAT(masked.response.head, HasSubstr("/b#/page?token=" + MaskOf("hunter3")));
}

TEST(Masker, MasksWhatIsConfigured) {
  const RecordedExchange masked =
      Masked(Exchange(), {.headers = {"x-tenant"}, .fields = {"keep"}, .json_paths = {"$.name"}});
  EXPECT_THAT(masked.request.head, HasSubstr("X-Tenant: " + MaskOf("acme")));
  EXPECT_THAT(masked.target, HasSubstr("keep=" + MaskOf("1")));
  EXPECT_THAT(masked.request.body, HasSubstr("\"name\":\"" + MaskOf("ann") + "\""));
}

TEST(Masker, ABodyThatCannotBeLookedIntoIsLeftOut) {
  RecordedExchange exchange = Exchange();
  exchange.response.head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n";
  const RecordedExchange masked = Masked(exchange);
  EXPECT_THAT(masked.response.body, IsEmpty());
  EXPECT_TRUE(masked.response.is_opaque);
  EXPECT_EQ(masked.response.body_bytes, exchange.response.body.size());
  const RecordedExchange kept = Masked(exchange, {.opaque_bodies = OpaqueBodies::kKeep});
  EXPECT_FALSE(kept.response.is_opaque);
  EXPECT_FALSE(kept.response.body.empty());
}

TEST(Masker, MasksOnceAndSoFindsNothingInWhatIsMasked) {
  RecordedExchange masked = Masked(Exchange());
  const std::string head = masked.request.head;
  std::vector<MaskFinding> findings;
  Masker::Create({}, KeyedHash::Key{1})->Mask(masked, &findings);
  EXPECT_THAT(findings, IsEmpty());
  EXPECT_EQ(masked.request.head, head);
}

TEST(Masker, TellsWhereItFoundSomething) {
  RecordedExchange exchange = Exchange();
  std::vector<MaskFinding> findings;
  Masker::Create({}, kKey)->Mask(exchange, &findings);
  std::string places;
  std::uint32_t count = 0;
  for (const MaskFinding& finding : findings) {
    places += std::string(NameOf(finding.kind)) + ':' + finding.place + '\n';
    count += finding.count;
  }
  EXPECT_THAT(places, HasSubstr("header:request header Cookie\n"));
  EXPECT_THAT(places, HasSubstr("card_number:response body\n"));
  EXPECT_THAT(places, HasSubstr("field:request query\n"));
  EXPECT_EQ(exchange.masked, count);
}

TEST(Masker, OffItLeavesEverything) {
  const RecordedExchange exchange = Exchange();
  const RecordedExchange same = Masked(exchange, {.is_on = false});
  EXPECT_EQ(same.request.head, exchange.request.head);
  EXPECT_EQ(same.request.body, exchange.request.body);
  EXPECT_EQ(same.method, "POST");
}

TEST(Masker, CardNumbersMayBeLeftAlone) {
  EXPECT_THAT(Masked(Exchange(), {.card_numbers = false}).response.body,
              HasSubstr("4111-1111-1111-1111"));
}

TEST(Masker, RefusesAPathItCannotRead) {
  EXPECT_FALSE(Masker::Create({.json_paths = {"name"}}, kKey));
}

TEST(Masker, ABodyCutWithinASecretShowsNothingOfIt) {
  RecordedExchange exchange = Exchange();
  const std::string whole = exchange.request.body;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    exchange.request.body = whole.substr(0, size);
    exchange.request.is_truncated = true;
    const std::string masked = Masked(exchange).request.body;
    EXPECT_THAT(masked, Not(HasSubstr("hun")));
    EXPECT_THAT(masked, Not(HasSubstr("4111111")));
  }
}

}  // namespace
}  // namespace sluice::wire::recording
