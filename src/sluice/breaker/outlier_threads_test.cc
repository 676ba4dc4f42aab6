// What threads may not do to a detector. Run under TSan too.

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/breaker/outlier_detector.h"

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};
constexpr std::size_t kThreads = 4;

template <typename Work>
void OnThreads(const Work& work) {
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < kThreads; ++index)
    threads.emplace_back(work, index);
  for (std::thread& thread : threads)
    thread.join();
}

TEST(OutlierThreads, FailuresOfAllWorkersMakeOneRunAndOneEjection) {
  for (int round = 0; round < 50; ++round) {
    const auto detector =
        *OutlierDetector::Create({.name = "pay", .consecutive_5xx = 40}, kThreads, 2, 1, kStart);
    detector->Join(0, "a", kStart);
    detector->Join(1, "b", kStart);
    OnThreads([&](std::size_t worker) {
      for (int i = 0; i < 10; ++i) {
        detector->Report(worker, 0, {.verdict = HostVerdict::kServerError, .started = kStart},
                         kStart);
      }
    });
    ASSERT_EQ(detector->Totals().ejections_total[0], 1U);
    ASSERT_EQ(detector->Weight(0, kStart), 0);
  }
}

TEST(OutlierThreads, WorkersReportWhileTheControlLoopJudges) {
  OutlierOptions options{.name = "pay", .interval = 10ms, .latency_factor = 3};
  options.base_ejection_time = 5ms;
  options.max_ejection_time = 20ms;
  options.max_ejection_percent = 60;
  const auto detector = *OutlierDetector::Create(options, kThreads, 8, 1, kStart);
  for (std::size_t slot = 0; slot < 5; ++slot)
    detector->Join(slot, std::string(1, static_cast<char>('a' + slot)), kStart);
  std::atomic<std::int64_t> clock_us{0};
  std::atomic<std::size_t> running{kThreads};
  std::thread control([&] {
    const auto ramp = std::make_shared<SlowStart>(SlowStartOptions{.window = 1s}, 8);
    while (running.load() > 0) {
      const SteadyTime now = kStart + std::chrono::microseconds(clock_us.load());
      detector->Sweep(now);
      detector->SetSlowStart(ramp);
      detector->Uneject(2, now);
      detector->Leave(4);
      detector->Join(4, "e", now);
      const Result<void> reloaded = detector->Reconfigure(options);
      ASSERT_TRUE(reloaded.has_value());
      ASSERT_LE(detector->Totals().active, detector->Totals().hosts);
    }
  });
  OnThreads([&](std::size_t worker) {
    for (std::size_t call = 0; call < 5'000; ++call) {
      const SteadyTime now = kStart + std::chrono::microseconds(clock_us.fetch_add(10));
      const std::size_t slot = call % 5;
      if (detector->Weight(slot, now) <= 0) continue;
      const HostVerdict verdict =
          slot == 0 && call % 100 < 60 ? HostVerdict::kGatewayFailure : HostVerdict::kSuccess;
      detector->Report(worker, slot, {.verdict = verdict, .duration = 1ms, .started = now}, now);
    }
    running.fetch_sub(1);
  });
  control.join();
  EXPECT_GT(detector->Totals().ejections_total[0] + detector->Totals().ejections_total[3], 0U);
}

}  // namespace
}  // namespace sluice::breaker
