#include "sluice/warmup/load_corpus.h"

#include <cstdio>
#include <memory>

#include <gtest/gtest.h>

#include "sluice/traffic/archive/recording_writer.h"
#include "sluice/warmup/recorded_fixture.h"

namespace sluice::warmup {
namespace {

using traffic::archive::RecordingWriter;
using wire::recording::RecordedExchange;

class LoadingCorpus : public testing::Test {
 protected:
  LoadingCorpus()
      : path_(testing::TempDir() + "corpus_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".db") {
    RemoveFiles();
  }
  ~LoadingCorpus() override { RemoveFiles(); }

  void Write(const std::vector<RecordedExchange>& list) const {
    std::unique_ptr<RecordingWriter> writer = *RecordingWriter::Open({.path = path_});
    std::vector<const RecordedExchange*> pointers;
    for (const RecordedExchange& exchange : list)
      pointers.push_back(&exchange);
    ASSERT_TRUE(writer->Append(pointers).has_value());
  }
  void RemoveFiles() const {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::remove((path_ + suffix).c_str());
  }

  std::string path_;
};

TEST_F(LoadingCorpus, TakesWhatWasRecordedOfTheUpstream) {
  RecordedExchange other = Recorded("GET", "/b");
  other.upstream = "payment";
  Write({Recorded("GET", "/a"), Recorded("GET", "/a"), other});
  CorpusOptions options;
  options.upstream = "booking";
  const Result<LoadedCorpus> loaded = LoadCorpus(path_, options);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->corpus.exchanges, 2U);
  ASSERT_EQ(loaded->corpus.classes.size(), 1U);
  EXPECT_EQ(loaded->corpus.classes[0].samples.at(0).target, "/a");
  EXPECT_EQ(loaded->unreadable, 0U);
}

TEST_F(LoadingCorpus, W17_AnEmptyRecordingIsAnEmptyCorpus) {
  Write({});
  const Result<LoadedCorpus> loaded = LoadCorpus(path_, {});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->corpus.exchanges, 0U);
  EXPECT_TRUE(loaded->corpus.classes.empty());
}

TEST_F(LoadingCorpus, AFileThatIsNoneIsRefused) {
  EXPECT_EQ(LoadCorpus(path_, {}).error().code, ErrorCode::kNotFound);
  std::FILE* file = std::fopen(path_.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("this is no recording, but it is long enough to be looked into as one\n", file);
  std::fclose(file);
  EXPECT_FALSE(LoadCorpus(path_, {}).has_value());
}

}  // namespace
}  // namespace sluice::warmup
