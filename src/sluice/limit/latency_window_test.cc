#include "sluice/limit/latency_window.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(LatencyWindow, ReadsAQuantileWithinTheWidthOfAStep) {
  LatencyWindow window;
  for (int i = 1; i <= 1000; ++i)
    window.Record(microseconds(100 * i));  // 0.1 .. 100 ms.
  const LatencyWindow::Summary got = window.Drain(0.9);
  EXPECT_EQ(got.samples, 1000U);
  EXPECT_NEAR(static_cast<double>(got.quantile.count()), 90e6, 90e6 * 0.02);
  EXPECT_NEAR(static_cast<double>(got.min.count()), 1e5, 1e5 * 0.063);
}

TEST(LatencyWindow, IsEmptyAfterItWasRead) {
  LatencyWindow window;
  window.Record(milliseconds(1));
  static_cast<void>(window.Drain(0.5));
  const LatencyWindow::Summary got = window.Drain(0.5);
  EXPECT_EQ(got.samples, 0U);
  EXPECT_EQ(got.quantile, Nanos(0));
}

TEST(LatencyWindow, TakesWhatIsBeyondItsEnds) {
  LatencyWindow window;
  window.Record(Nanos(-5));
  window.Record(Nanos::max());
  const LatencyWindow::Summary got = window.Drain(1.0);
  EXPECT_EQ(got.samples, 2U);
  EXPECT_GT(got.quantile, std::chrono::seconds(60));
}

TEST(LatencyWindow, LosesNoSampleOfManyThreads) {
  LatencyWindow window;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&window] {
      for (int j = 0; j < 10'000; ++j)
        window.Record(milliseconds(j % 50));
    });
  }
  threads.clear();
  EXPECT_EQ(window.Drain(0.5).samples, 40'000U);
}

}  // namespace
}  // namespace sluice::limit
