#include "sluice/platform/linux/files.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

ErrorCode ReadError(const std::string& path, Bytes bytes_max = kMiB) {
  const Result<std::string> text = ReadWholeFile(path, bytes_max);
  EXPECT_FALSE(text.has_value());
  return text ? ErrorCode::kInvalidConfig : text.error().code;
}

TEST(Files, WhatWasWrittenIsRead) {
  const ScratchFolder folder;
  const std::string text(300'000, 'x');  // Several steps of reading.
  ASSERT_TRUE(WriteFileAtomically(folder / "file", text, 0600).has_value());
  EXPECT_EQ(ReadWholeFile(folder / "file", kMiB), text);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(Files, WritingReplacesAndLeavesNothingBeside) {
  const ScratchFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder / "file", "a long old text").has_value());
  ASSERT_TRUE(WriteFileAtomically(folder / "file", "new").has_value());
  EXPECT_EQ(ReadWholeFile(folder / "file", kMiB), "new");
  const std::filesystem::directory_iterator files(folder / "");
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(Files, AMissingFileIsNotFound) {
  const ScratchFolder folder;
  EXPECT_EQ(ReadError(folder / "none"), ErrorCode::kNotFound);
}

TEST(Files, AFileAboveTheBoundIsRefusedAndOneAtTheBoundIsNot) {
  const ScratchFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder / "file", "12345").has_value());
  EXPECT_EQ(ReadError(folder / "file", 4), ErrorCode::kInvalidOption);
  EXPECT_TRUE(ReadWholeFile(folder / "file", 5).has_value());
}

TEST(Files, AFolderCannotBeRead) {
  const ScratchFolder folder;
  EXPECT_EQ(ReadError(folder / ""), ErrorCode::kInputOutput);
}

TEST(Files, FilesOfTheKernelAreReadThoughTheirSizeIsZero) {
  const Result<std::string> text = ReadWholeFile("/proc/self/status", kMiB);
  ASSERT_TRUE(text.has_value());
  EXPECT_TRUE(text->starts_with("Name:"));
}

TEST(Files, WritingIntoAMissingFolderFails) {
  const ScratchFolder folder;
  const Result<void> written = WriteFileAtomically(folder / "none/file", "x");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::kNotFound);
}

TEST(Files, WritingOverAFolderFailsAndLeavesNothingBeside) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "taken");
  const Result<void> written = WriteFileAtomically(folder / "taken", "x");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::kInputOutput);
  const std::filesystem::directory_iterator files(folder / "");
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

}  // namespace
}  // namespace sluice::platform
