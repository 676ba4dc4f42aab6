#include "sluice/wire/traceparent.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

constexpr std::string_view kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string Write(const TraceParent& trace) {
  std::string out;
  AppendTraceParent(trace, out);
  return out;
}

TEST(TraceParent, ReadsAndWritesTheExampleOfTheStandard) {
  const std::optional<TraceParent> trace = ParseTraceParent(kExample);
  ASSERT_TRUE(trace.has_value());
  EXPECT_TRUE(trace->is_sampled());
  EXPECT_EQ(Write(*trace), kExample);
  std::string id;
  AppendTraceId(*trace, id);
  EXPECT_EQ(id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(TraceParent, ReadsLaterVersionsAsFarAsTheyAgree) {
  const std::string later = "cc" + std::string(kExample.substr(2));
  EXPECT_EQ(Write(*ParseTraceParent(later)), kExample);
  EXPECT_EQ(Write(*ParseTraceParent(later + "-what-comes")), kExample);
  EXPECT_FALSE(ParseTraceParent(later + ".x").has_value());
}

TEST(TraceParent, RefusesWhatTheStandardRefuses) {
  const std::string good(kExample);
  const auto with = [&](std::size_t at, std::string_view text) {
    std::string changed = good;
    changed.replace(at, text.size(), text);
    return changed;
  };
  for (const std::string& text :
       {std::string(), good.substr(1), good + "-", good + "0", with(0, "ff"), with(0, "0g"),
        with(2, "_"), with(35, "_"), with(52, "_"), with(3, "4BF"), with(36, "0G"), with(53, "0x"),
        with(3, std::string(32, '0')), with(36, std::string(16, '0'))}) {
    EXPECT_FALSE(ParseTraceParent(text).has_value()) << text;
  }
}

TEST(TraceParent, BeginsTracesAndSpansThatDiffer) {
  Random random(7);
  const TraceParent one = NewTraceParent(random);
  const TraceParent two = NewTraceParent(random);
  EXPECT_NE(one.trace_id, two.trace_id);
  EXPECT_FALSE(one.is_sampled());
  EXPECT_EQ(*ParseTraceParent(Write(one)), one);
  const TraceParent child = ChildOf(*ParseTraceParent(kExample), random);
  EXPECT_EQ(child.trace_id, ParseTraceParent(kExample)->trace_id);
  EXPECT_NE(child.parent_id, ParseTraceParent(kExample)->parent_id);
  EXPECT_TRUE(child.is_sampled());
}

TEST(Baggage, FindsMembers) {
  EXPECT_EQ(FindBaggageMember("a=1, sluice.lane = blue ;p=1,b", "sluice.lane"), "blue");
  EXPECT_EQ(FindBaggageMember("a=1,a=2", "a"), "1");
  EXPECT_EQ(FindBaggageMember("b", "b"), std::nullopt);
  EXPECT_EQ(FindBaggageMember("", "a"), std::nullopt);
}

TEST(Baggage, LosesTheMembersOfAKey) {
  std::string out;
  AppendBaggageWithout("sluice.lane=x, a=1;p ,, sluice.lane=y,b=2", "sluice.lane", out);
  EXPECT_EQ(out, "a=1;p,b=2");
  out.clear();
  AppendBaggageWithout("sluice.lane=x", "sluice.lane", out);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace sluice::wire
