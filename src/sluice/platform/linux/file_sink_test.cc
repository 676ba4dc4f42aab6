#include "sluice/platform/linux/file_sink.h"

#include <array>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

class FileSinkTest : public testing::Test {
 protected:
  [[nodiscard]] std::string TextOf(std::string_view name) const {
    return ReadWholeFile(folder_ / name, 64 * kMiB).value_or("no such file");
  }
  static bool Append(FileSink& sink, std::string text) { return sink.Append(text); }

  ScratchFolder folder_;
};

TEST_F(FileSinkTest, WritesEverythingInOrderAtTheLatestWhenItEnds) {
  {
    const auto sink = *FileSink::Open(folder_ / "log");
    EXPECT_TRUE(Append(*sink, "one\n"));
    EXPECT_TRUE(Append(*sink, "two\n"));
  }
  EXPECT_EQ(TextOf("log"), "one\ntwo\n");
}

TEST_F(FileSinkTest, FlushWaitsUntilAllIsWritten) {
  const auto sink = *FileSink::Open(folder_ / "log");
  EXPECT_TRUE(Append(*sink, "one\n"));
  sink->Flush();
  EXPECT_EQ(TextOf("log"), "one\n");
  sink->Flush();  // Nothing to wait for.
}

TEST_F(FileSinkTest, AppendsToWhatIsThere) {
  ASSERT_TRUE(WriteFileAtomically(folder_ / "log", "before\n").has_value());
  {
    const auto sink = *FileSink::Open(folder_ / "log");
    EXPECT_TRUE(Append(*sink, "after\n"));
  }
  EXPECT_EQ(TextOf("log"), "before\nafter\n");
}

TEST_F(FileSinkTest, GivesAnEmptyBufferWithCapacityBack) {
  const auto sink = *FileSink::Open(folder_ / "log");
  std::string buffer(1000, 'x');
  EXPECT_TRUE(sink->Append(buffer));
  EXPECT_TRUE(buffer.empty());
  sink->Flush();
  buffer.assign(1000, 'y');
  EXPECT_TRUE(sink->Append(buffer));
  EXPECT_TRUE(buffer.empty());
  EXPECT_GE(buffer.capacity(), 1000U);  // The first one, gone round.
}

TEST_F(FileSinkTest, NothingIsNothing) {
  const auto sink = *FileSink::Open(folder_ / "log");
  EXPECT_TRUE(Append(*sink, ""));
  sink->Flush();
  EXPECT_EQ(TextOf("log"), "");
}

// A pipe that nobody empties is the slowest of disks.
TEST_F(FileSinkTest, RefusesAboveItsBoundAndLeavesTheBufferUntouched) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  OwnedFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  constexpr Bytes kBound = 256 * kKiB;
  auto sink = *FileSink::Open(pipe, {.in_flight_max = kBound});
  Bytes taken = 0;
  std::string buffer;
  while (true) {
    buffer.assign(16 * kKiB, 'x');
    if (!sink->Append(buffer)) break;
    taken += 16 * kKiB;
    ASSERT_LE(taken, kBound + 2 * kMiB);  // What a pipe may hold.
  }
  EXPECT_EQ(buffer.size(), 16 * kKiB);
  EXPECT_GE(taken, kBound);

  Bytes read_bytes = 0;
  std::jthread drain([&] {
    std::vector<char> part(64 * kKiB);
    while (read_bytes < taken) {
      const ssize_t got = ::read(reader.get(), part.data(), part.size());
      if (got > 0) read_bytes += static_cast<Bytes>(got);
      if (got < 0) std::this_thread::yield();
    }
  });
  sink.reset();
  drain.join();
  EXPECT_EQ(read_bytes, taken);
}

TEST_F(FileSinkTest, OneBufferAboveTheBoundIsTakenWhenNothingElseIsInFlight) {
  const auto sink = *FileSink::Open(folder_ / "log", {.in_flight_max = 10});
  EXPECT_TRUE(Append(*sink, std::string(100, 'x')));
  sink->Flush();
  EXPECT_EQ(TextOf("log").size(), 100U);
}

TEST_F(FileSinkTest, ReopenGoesOnInANewFileFromThereOn) {
  const auto sink = *FileSink::Open(folder_ / "log");
  EXPECT_TRUE(Append(*sink, "old\n"));
  std::filesystem::rename(folder_ / "log", folder_ / "log.1");
  EXPECT_TRUE(Append(*sink, "still old\n"));
  sink->Reopen();
  EXPECT_TRUE(Append(*sink, "new\n"));
  sink->Flush();
  EXPECT_EQ(TextOf("log.1"), "old\nstill old\n");
  EXPECT_EQ(TextOf("log"), "new\n");
}

TEST_F(FileSinkTest, AFailedReopenKeepsTheOldFileAndIsCounted) {
  std::filesystem::create_directory(folder_ / "logs");
  const auto sink = *FileSink::Open(folder_ / "logs/log");
  std::filesystem::rename(folder_ / "logs", folder_ / "moved");
  sink->Reopen();
  EXPECT_TRUE(Append(*sink, "kept\n"));
  sink->Flush();
  EXPECT_EQ(TextOf("moved/log"), "kept\n");
  EXPECT_EQ(sink->failures_total(), 1U);
  EXPECT_EQ(sink->lost_bytes_total(), 0U);
}

TEST_F(FileSinkTest, WhatAFullDiskRefusesIsCounted) {
  const auto sink = *FileSink::Open("/dev/full");
  EXPECT_TRUE(Append(*sink, "lost\n"));
  sink->Flush();
  EXPECT_EQ(sink->lost_bytes_total(), 5U);
  EXPECT_EQ(sink->failures_total(), 1U);
}

TEST_F(FileSinkTest, AFolderThatIsNotThereIsAnError) {
  const auto sink = FileSink::Open(folder_ / "none/log");
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().code, ErrorCode::kNotFound);
}

TEST_F(FileSinkTest, WritesToTheStandardStreams) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  {
    const auto out = *FileSink::Open("stdout");
    const auto err = *FileSink::Open("stderr");
    EXPECT_TRUE(Append(*out, "to stdout\n"));
    EXPECT_TRUE(Append(*err, "to stderr\n"));
    out->Reopen();
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "to stdout\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "to stderr\n");
}

TEST_F(FileSinkTest, WaitsForAStandardStreamThatIsNotBlocking) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const OwnedFd reader(ends[0]);
  OwnedFd writer(ends[1]);
  ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
  const OwnedFd before(::dup(STDOUT_FILENO));
  ASSERT_GE(::dup2(writer.get(), STDOUT_FILENO), 0);
  auto sink = *FileSink::Open("stdout");
  ::dup2(before.get(), STDOUT_FILENO);
  writer.Close();
  constexpr Bytes kBytes = kMiB;  // More than a pipe holds.
  EXPECT_TRUE(Append(*sink, std::string(kBytes, 'x')));
  std::vector<char> part(64 * kKiB);
  for (Bytes got = 0; got < kBytes;) {
    const ssize_t bytes = ::read(reader.get(), part.data(), part.size());
    ASSERT_GT(bytes, 0);
    got += static_cast<Bytes>(bytes);
  }
  sink->Flush();
  EXPECT_EQ(sink->lost_bytes_total(), 0U);
}

// Run under ThreadSanitizer too.
TEST_F(FileSinkTest, ManyThreadsAppendAndNoLineIsTorn) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  {
    const auto sink = *FileSink::Open(folder_ / "log");
    std::vector<std::jthread> writers;
    for (int t = 0; t < kThreads; ++t) {
      writers.emplace_back([&, t] {
        std::string buffer;
        for (int i = 0; i < kLines; ++i) {
          buffer += std::string(20, static_cast<char>('a' + t)) + "\n";
          EXPECT_TRUE(sink->Append(buffer));
          if (i % 100 == 0) sink->Reopen();
        }
      });
    }
  }
  const std::string text = TextOf("log");
  ASSERT_EQ(text.size(), std::size_t{kThreads} * kLines * 21);
  for (std::size_t at = 0; at < text.size(); at += 21) {
    ASSERT_EQ(text.substr(at, 21), std::string(20, text[at]) + "\n");
  }
}

}  // namespace
}  // namespace sluice::platform
