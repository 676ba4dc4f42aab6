#include "sluice/wire/recording/field_names.h"

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

TEST(FieldNames, HaveNoCase) {
  const FieldNames names = *FieldNames::Create({"passWord", "x"}, {});
  EXPECT_TRUE(names.HasName("PASSWORD"));
  EXPECT_TRUE(names.HasName("X"));
  EXPECT_FALSE(names.HasName("passwor"));
  EXPECT_FALSE(names.HasName("passw0rd"));
  EXPECT_FALSE(names.HasName(""));
  EXPECT_FALSE(FieldNames().HasName("password"));
}

TEST(FieldNames, MayBeVeryLong) {
  const std::string name(100, 'n');
  const FieldNames names = *FieldNames::Create({name}, {});
  EXPECT_TRUE(names.HasName(name));
  EXPECT_FALSE(names.HasName(std::string(101, 'n')));
}

TEST(FieldNames, CountInEachPartOfAName) {
  const FieldNames names = *FieldNames::Create({"password", "a.b"}, {});
  for (const char* name :
       {"user[password]", "user.password", "x[y][Password][]", "password[0]", "a.b"})
    EXPECT_TRUE(names.HasName(name)) << name;
  for (const char* name : {"user[name]", "a.c", "[]", "..", "newPassword"})
    EXPECT_FALSE(names.HasName(name)) << name;
}

TEST(FieldNames, CompoundsOfSecretWordsCountHoweverTheyAreWritten) {
  const FieldNames names = *FieldNames::Create({}, {}, Compounds::kCounted);
  for (const char* name : {"newPassword", "password_confirmation", "PASSWORD2", "oldpasswd",
                           "client-secret", "x-vault-token", "csrfToken", "user[newPassword]",
                           "awsSecretKey", "cardPin", "card_cvv", "sms otp", "db_pwd", "UserPIN"})
    EXPECT_TRUE(names.HasName(name)) << name;
  for (const char* name : {"token_type", "secretary", "spin", "shopping", "mapin", "name", "pass",
                           "key", "tokens", "cvvx", "", "_", "pin_count"})
    EXPECT_FALSE(names.HasName(name)) << name;
}

TEST(FieldPath, ReadsEachKindOfStep) {
  const FieldPath path = *ParseFieldPath("$.a..B[*].*[3]['x.y']");
  ASSERT_EQ(path.size(), 6U);
  EXPECT_EQ(path[0], (PathStep{.name = "a"}));
  EXPECT_EQ(path[1], (PathStep{.is_deep = true, .name = "b"}));
  EXPECT_EQ(path[2].kind, PathStep::Kind::kAny);
  EXPECT_EQ(path[3].kind, PathStep::Kind::kAny);
  EXPECT_EQ(path[4].index, 3U);
  EXPECT_EQ(path[5].name, "x.y");
}

TEST(FieldPath, SaysWhereTheGrammarIsLeft) {
  for (const char* text : {"", "a", "$", "$.", "$a", "$[", "$[x]", "$[]", "$.a.", "$.a[1", "$..",
                           "$['']", "$[99999999999999999999]"}) {
    const Result<FieldPath> path = ParseFieldPath(text);
    ASSERT_FALSE(path) << text;
    EXPECT_EQ(path.error().code, ErrorCode::kInvalidOption);
    EXPECT_FALSE(path.error().detail.empty());
  }
  std::string deep = "$";
  for (int i = 0; i < 33; ++i)
    deep += ".a";
  EXPECT_FALSE(ParseFieldPath(deep));
}

TEST(FieldNames, RefusesABadPathAndTooMany) {
  EXPECT_FALSE(FieldNames::Create({}, {"$.a", "b"}));
  const std::vector<std::string> many(FieldNames::kPathsMax + 1, "$.a");
  EXPECT_FALSE(FieldNames::Create({}, many));
}

}  // namespace
}  // namespace sluice::wire::recording
