#include "sluice/platform/sim/trace.h"

#include <gtest/gtest.h>

namespace sluice::sim {
namespace {

TraceEntry Entry(Step step, std::uint64_t detail = 0, std::string text = {}) {
  return {.step = step, .detail = detail, .text = std::move(text)};
}

TEST(Trace, CountsEachStep) {
  Trace trace(/*entries_max=*/10);
  trace.Add(Entry(Step::kSent));
  trace.Add(Entry(Step::kSent));

  EXPECT_EQ(trace.count(Step::kSent), 2U);
  EXPECT_EQ(trace.count(Step::kReceived), 0U);
}

TEST(Trace, HashesEverythingThoughItKeepsLittle) {
  const auto hash = [](const TraceEntry& first) {
    Trace trace(/*entries_max=*/1);
    trace.Add(first);
    trace.Add(Entry(Step::kNote));
    EXPECT_EQ(trace.entries().size(), 1U);
    return trace.hash();
  };

  EXPECT_EQ(hash(Entry(Step::kSent, 1)), hash(Entry(Step::kSent, 1)));
  EXPECT_NE(hash(Entry(Step::kSent, 1)), hash(Entry(Step::kSent, 2)));
  EXPECT_NE(hash(Entry(Step::kSent, 1)), hash(Entry(Step::kReceived, 1)));
  EXPECT_NE(hash(Entry(Step::kNote, 0, "a")), hash(Entry(Step::kNote, 0, "b")));
}

TEST(Trace, HashesBytesOfAnyLength) {
  const auto hash = [](ByteView bytes) {
    Trace trace(/*entries_max=*/0);
    trace.MixBytes(bytes);
    return trace.hash();
  };

  EXPECT_EQ(hash("0123456789"), hash("0123456789"));
  EXPECT_NE(hash("0123456789"), hash("0123456799"));
  EXPECT_NE(hash("x1234567"), hash("y1234567"));
  EXPECT_NE(hash(""), hash(ByteView("\0", 1)));
}

TEST(Trace, KeepsNoEntriesWhenToldSo) {
  Trace trace(/*entries_max=*/0);
  trace.Add(Entry(Step::kNote));

  EXPECT_TRUE(trace.entries().empty());
  EXPECT_EQ(trace.count(Step::kNote), 1U);
}

TEST(Trace, NamesEveryStep) {
  for (int step = 0; step <= static_cast<int>(Step::kNote); ++step)
    EXPECT_NE(NameOf(static_cast<Step>(step)), "unknown") << step;
}

}  // namespace
}  // namespace sluice::sim
