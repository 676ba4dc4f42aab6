#include "sluice/platform/linux/folder_store.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

using testing::ElementsAre;

std::unique_ptr<FolderStore> Store(const std::string& folder) {
  Result<std::unique_ptr<FolderStore>> store = FolderStore::Open(folder);
  EXPECT_TRUE(store.has_value());
  return std::move(*store);
}

TEST(FolderStore, MakesItsFolderAndKeepsWhatIsAppended) {
  const ScratchFolder folder;
  const std::unique_ptr<FolderStore> store = Store(folder / "a/b");
  ASSERT_TRUE(store->Append("log", "one ", Durability::kWritten).has_value());
  ASSERT_TRUE(store->Append("log", "two", Durability::kSynced).has_value());
  EXPECT_EQ(Store(folder / "a/b")->Read("log", kMiB), "one two");
  EXPECT_THAT(*store->List(), ElementsAre("log"));
}

TEST(FolderStore, ReplacesTruncatesAndRemoves) {
  const ScratchFolder folder;
  const std::unique_ptr<FolderStore> store = Store(folder / "s");
  ASSERT_TRUE(store->Append("file", "12345", Durability::kWritten).has_value());
  ASSERT_TRUE(store->Truncate("file", 2).has_value());
  ASSERT_TRUE(store->Append("file", "!", Durability::kWritten).has_value());
  EXPECT_EQ(store->Read("file", kMiB), "12!");
  ASSERT_TRUE(store->Replace("file", "new").has_value());
  ASSERT_TRUE(store->Append("file", "er", Durability::kWritten).has_value());
  EXPECT_EQ(store->Read("file", kMiB), "newer");
  ASSERT_TRUE(store->Remove("file").has_value());
  ASSERT_TRUE(store->Remove("file").has_value());
  EXPECT_EQ(store->Read("file", kMiB).error().code, ErrorCode::kNotFound);
}

TEST(FolderStore, AFileInTheFoldersPlaceIsRefused) {
  const ScratchFolder folder;
  const std::unique_ptr<FolderStore> store = Store(folder / "s");
  ASSERT_TRUE(store->Append("file", "x", Durability::kWritten).has_value());
  EXPECT_FALSE(FolderStore::Open(folder / "s/file").has_value());
  EXPECT_FALSE(store->Truncate("none", 0).has_value());
  EXPECT_FALSE(store->Append("none/none", "x", Durability::kWritten).has_value());
}

}  // namespace
}  // namespace sluice::platform
