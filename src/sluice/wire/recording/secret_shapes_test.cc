#include "sluice/wire/recording/secret_shapes.h"

#include <string>

#include <gtest/gtest.h>

#include "sluice/wire/recording/masked_text.h"

namespace sluice::wire::recording {
namespace {

// Of RFC 7519 §3.1, shortened.
constexpr std::string_view kToken = "eyJ0eXAiOiJKV1Qi.eyJpc3MiOiJqb2UiLA.dBjftJeZ4CVP";

TEST(SecretShapes, ATokenIsOneAnywhere) {
  EXPECT_EQ(CountSecretShapes(kToken), 1U);
  EXPECT_EQ(CountSecretShapes("<a href='/x/" + std::string(kToken) + "'>"), 1U);
  EXPECT_EQ(CountSecretShapes("eyJ0eXAiOiJKV1Qi.bm90LWEtdG9rZW4.x"), 0U);
  EXPECT_EQ(CountSecretShapes("eyJ0eXAi"), 0U);
}

TEST(SecretShapes, AWordWithAValueBehindIt) {
  for (const char* text :
       {"password=x", "a=1&userPassword=x", "user[password]=x", "user%5Bpassword%5D=x",
        R"({"password":"x"})", R"({"password_confirmation" : "x"})", R"("{\"password\":\"x\"}")",
        "password: x", "a\nPassword:\n x", R"({"access_token":12})", "api_key=k"})
    EXPECT_EQ(CountSecretShapes(text), 1U) << text;
}

TEST(SecretShapes, ProseEmptyAndMaskedValuesAreNone) {
  for (const char* text :
       {"password", "password=", "password=&a=1", R"({"password":""})", R"({"password":null})",
        R"({"password":{"x":1}})", R"({"password":)", "Your password: at least 8 letters",
        R"(<input type="password" name="p">)", "password=masked-0123456789abcdef",
        R"({"secrets":"x"})", R"({"password":"masked-0123456789abcdef"})", "", "token_type=x"})
    EXPECT_EQ(CountSecretShapes(text), 0U) << text;
}

TEST(SecretShapes, AreToldByTheirPlace) {
  RecordedExchange exchange;
  exchange.request.body = "--x\r\npassword=hunter2";
  exchange.response.head = "HTTP/1.1 200 OK\r\nX-Session: " + std::string(kToken) + "\r\n";
  std::vector<MaskFinding> findings;
  FindSecretShapes(exchange, findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].place, "request body");
  EXPECT_EQ(findings[1].place, "response head");
  EXPECT_EQ(NameOf(findings[1].kind), "shape");
}

TEST(SecretShapes, NothingIsFoundInWhatWasMasked) {
  RecordedExchange exchange;
  exchange.request.head =
      "POST /?password=a HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) + "\r\n";
  exchange.request.body = R"({"password":"x","a":{"newPassword":[1,"y"]},"secret":3})";
  Masker::Create({}, KeyedHash::Key{1})->Mask(exchange);
  std::vector<MaskFinding> findings;
  FindSecretShapes(exchange, findings);
  EXPECT_TRUE(findings.empty());
}

}  // namespace
}  // namespace sluice::wire::recording
