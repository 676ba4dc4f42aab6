#include "sluice/wire/http_head.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

TEST(Methods, AreKnownByTheirExactName) {
  for (int i = 0; i < static_cast<int>(Method::kOther); ++i) {
    const auto method = static_cast<Method>(i);
    EXPECT_EQ(IdentifyMethod(NameOf(method)), method);
  }
  EXPECT_EQ(IdentifyMethod("get"), Method::kOther);
  EXPECT_EQ(IdentifyMethod(""), Method::kOther);
  EXPECT_EQ(NameOf(Method::kOther), "OTHER");
}

TEST(Methods, AreSafeAndIdempotentAsTheStandardSays) {
  EXPECT_TRUE(IsSafe(Method::kGet));
  EXPECT_FALSE(IsSafe(Method::kPut));
  EXPECT_TRUE(IsIdempotent(Method::kPut));
  EXPECT_TRUE(IsIdempotent(Method::kDelete));
  EXPECT_FALSE(IsIdempotent(Method::kPost));
  EXPECT_FALSE(IsIdempotent(Method::kPatch));
  EXPECT_FALSE(IsIdempotent(Method::kOther));
}

TEST(IdentifyHeader, KnowsEveryNameInAnyCase) {
  for (std::size_t i = 0; i < kHeaderIdCount; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(NameOf(id));
    if (name.empty()) continue;
    std::string upper = name;
    for (char& c : upper)
      c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    EXPECT_EQ(IdentifyHeader(name), id) << name;
    EXPECT_EQ(IdentifyHeader(upper), id) << name;
    EXPECT_EQ(IdentifyHeader(name + "x"),
              name.starts_with("x-forwarded-") ? HeaderId::kXForwarded : HeaderId::kOther);
  }
}

TEST(IdentifyHeader, KnowsFamiliesByTheirPrefix) {
  EXPECT_EQ(IdentifyHeader("X-Sluice-Lane"), HeaderId::kXSluice);
  EXPECT_EQ(IdentifyHeader("x-forwarded-prefix"), HeaderId::kXForwarded);
  EXPECT_EQ(IdentifyHeader("x-sluice-"), HeaderId::kOther);
  EXPECT_EQ(IdentifyHeader("x-user"), HeaderId::kOther);
  EXPECT_EQ(IdentifyHeader(""), HeaderId::kOther);
  EXPECT_EQ(IdentifyHeader("x"), HeaderId::kOther);
}

TEST(HeaderTable, FindsTheFirstOfAKind) {
  HeaderTable table;
  EXPECT_TRUE(table.Add("Host", "a"));
  EXPECT_TRUE(table.Add("X-Thing", "1"));
  EXPECT_TRUE(table.Add("host", "b"));
  EXPECT_EQ(table.Find(HeaderId::kHost)->value, "a");
  EXPECT_EQ(table.Find("x-tHING")->value, "1");
  EXPECT_EQ(table.Find("x-other"), nullptr);
  EXPECT_EQ(table.Find(HeaderId::kDate), nullptr);
  EXPECT_EQ(table.ValueOf(HeaderId::kHost), "a");
  EXPECT_EQ(table.ValueOf(HeaderId::kDate), "");
  EXPECT_TRUE(table.Has(HeaderId::kHost));
  table.Clear();
  EXPECT_TRUE(table.empty());
  EXPECT_FALSE(table.Has(HeaderId::kHost));
  EXPECT_EQ(table.Find(HeaderId::kHost), nullptr);
}

TEST(HeaderTable, IsBounded) {
  HeaderTable table(2);
  EXPECT_TRUE(table.Add("a", ""));
  EXPECT_TRUE(table.Add("b", ""));
  EXPECT_FALSE(table.Add("Host", ""));
  EXPECT_EQ(table.size(), 2U);
  EXPECT_FALSE(table.Has(HeaderId::kHost));
  table.Clear();
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.fields_max(), 2U);
}

TEST(HeaderTable, RebasesOnlyItsOwnViews) {
  const std::string from = "name:value";
  const std::string to = from;
  HeaderTable table;
  table.Add({.name = std::string_view(from).substr(0, 4), .value = "literal"});
  table.Rebase(from.data(), to.data(), from.size());
  EXPECT_EQ(table.begin()->name.data(), to.data());
  EXPECT_EQ(table.begin()->value, "literal");
}

TEST(HeaderSet, HoldsWhatWasPutIn) {
  const HeaderSet set = HeaderSet{HeaderId::kHost} | HeaderSet{HeaderId::kIdempotencyKey};
  EXPECT_TRUE(set.Contains(HeaderId::kHost));
  EXPECT_TRUE(set.Contains(HeaderId::kIdempotencyKey));
  EXPECT_FALSE(set.Contains(HeaderId::kOther));
  EXPECT_TRUE(HeaderSet{}.empty());
  EXPECT_TRUE(kIdentityHeaders.Contains(HeaderId::kXSluice));
}

TEST(RequestHead, ClearsToItsFirstState) {
  RequestHead head;
  head.headers = HeaderTable(7);
  head.headers.Add("a", "b");
  head.method = Method::kPut;
  head.content_length = 5;
  head.wants_upgrade = true;
  head.Clear();
  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.content_length, 0U);
  EXPECT_FALSE(head.wants_upgrade);
  EXPECT_TRUE(head.headers.empty());
  EXPECT_EQ(head.headers.fields_max(), 7U);
}

TEST(Ascii, FieldValuesHaveNoControlsAtAnyOffset) {
  for (std::size_t size = 0; size < 20; ++size) {
    std::string text(size, 'x');
    EXPECT_TRUE(IsFieldValue(text));
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        const bool is_allowed = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
        ASSERT_EQ(IsFieldValue(text), is_allowed) << size << " " << at << " " << byte;
      }
      text[at] = 'x';
    }
  }
}

TEST(Ascii, CaseIsIgnoredForLettersOnlyAtAnyOffset) {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string a(size, 'q');
      std::string b(size, 'Q');
      for (int i = 0; i < 256; ++i) {
        for (const int other : {i, i ^ 0x20, i ^ 0x80, i ^ 0xa0}) {
          a[at] = static_cast<char>(i);
          b[at] = static_cast<char>(other);
          const bool is_letter = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
          const bool is_equal = other == i || (is_letter && other == (i ^ 0x20));
          ASSERT_EQ(EqualsIgnoringCase(a, b), is_equal) << size << " " << at << " " << i;
        }
      }
    }
  }
  EXPECT_TRUE(EqualsIgnoringCase("", ""));
  EXPECT_FALSE(EqualsIgnoringCase("a", "ab"));
}

TEST(Ascii, ListElementsAreTrimmedAndMayBeEmpty) {
  std::string_view rest = " a ,,b\t";
  EXPECT_EQ(TakeListElement(rest), "a");
  EXPECT_EQ(TakeListElement(rest), "");
  EXPECT_EQ(TakeListElement(rest), "b");
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace sluice::wire
