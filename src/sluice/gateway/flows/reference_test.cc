#include "sluice/gateway/flows/reference.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::gateway::flows {
namespace {

using Source = Reference::Source;

TEST(Reference, EveryFormIsRead) {
  EXPECT_EQ(Reference::Parse("request.method")->source, Source::kMethod);
  EXPECT_EQ(Reference::Parse("request.path")->source, Source::kPath);
  EXPECT_EQ(Reference::Parse("request.header.X-User-Id")->name, "x-user-id");
  EXPECT_EQ(Reference::Parse("request.query.Page")->name, "Page");
  EXPECT_EQ(Reference::Parse("request.capture.id")->source, Source::kCapture);
  EXPECT_EQ(Reference::Parse("request.body")->source, Source::kRequestBody);
  EXPECT_EQ(Reference::Parse("request.body/a/0")->pointer.tokens().size(), 2U);
  EXPECT_EQ(Reference::Parse("user.status")->node, "user");
  EXPECT_EQ(Reference::Parse("user.header.ETag")->name, "etag");
  EXPECT_EQ(Reference::Parse("user-2_b.body/x")->node, "user-2_b");
  EXPECT_EQ(Reference::Parse("item")->source, Source::kItem);
  EXPECT_EQ(Reference::Parse("item/id")->pointer.tokens().front(), "id");
  EXPECT_EQ(Reference::Parse("index")->source, Source::kIndex);
}

TEST(Reference, NothingElseIs) {
  for (const char* text :
       {"", "user", "user.", "user.bodyx", "user.header.", "user.stat", "request.body.x", "request",
        "request.cookie.a", "item.id", "index/0", "response.body", "a b.body", "user.body/~3",
        "user.header.a b", "request.query.", "ümlaut.body"}) {
    EXPECT_FALSE(Reference::Parse(text)) << text;
  }
}

TEST(Reference, NodesHaveNoReservedNames) {
  EXPECT_TRUE(IsNodeName("user"));
  EXPECT_FALSE(IsNodeName("request"));
  EXPECT_FALSE(IsNodeName("item"));
  EXPECT_FALSE(IsNodeName("a.b"));
  EXPECT_FALSE(IsNodeName(std::string(65, 'a')));
}

TEST(Reference, SaysWhatItsTypeIs) {
  EXPECT_TRUE(Reference::Parse("request.query.q")->is_text());
  EXPECT_TRUE(Reference::Parse("user.header.a")->is_text());
  EXPECT_TRUE(Reference::Parse("user.status")->is_number());
  EXPECT_FALSE(Reference::Parse("user.body")->is_text());
  EXPECT_FALSE(Reference::Parse("user.body")->is_number());
}

}  // namespace
}  // namespace sluice::gateway::flows
