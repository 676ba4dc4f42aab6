// A client that never overloads the service it calls, and does not hang on it when it is ill: a
// rate limit and a circuit breaker of Sluice, without the gateway.
//
//   guarded_client HOST PORT PATH [CALLS [CALLS_PER_SECOND]]
//
// Two threads share the guards. Each call asks the limit, then the breaker; a refusal costs some
// nanoseconds and no connection, and the caller goes on with a substitute.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http_get.h"

#include "sluice/breaker/breaker.h"
#include "sluice/limit/rate_limit.h"

namespace {

using namespace std::chrono_literals;

constexpr int kThreads = 2;

// The library reads no clock: who asks a guard says what time it is.
sluice::SteadyTime Now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return sluice::SteadyTime(std::chrono::duration_cast<sluice::Nanos>(since));
}

struct Counts {
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> rate_limited = 0;
  std::atomic<int> not_asked = 0;  // The breaker was open.
};

struct Target {
  std::string host;
  std::string port;
  std::string path;
};

void CallOnce(sluice::Guard& limit, sluice::Guard& breaker, const Target& target, Counts& counts) {
  // Cost 1, no key. A limit's permit has nothing to settle: tokens are spent.
  sluice::GuardDecision entry = limit.Acquire({}, Now());
  if (!entry.admitted) {
    ++counts.rate_limited;
    return;
  }
  sluice::GuardDecision worth_asking = breaker.Acquire({}, Now());
  if (!worth_asking.admitted) {
    entry.permit.Refund(Now());  // The call never happens.
    ++counts.not_asked;
    return;
  }
  const sluice::SteadyTime started = Now();
  const std::optional<int> status = HttpGet(target.host, target.port, target.path, 500ms);
  const bool is_good = status && *status < 500;
  ++(is_good ? counts.answered : counts.failed);
  worth_asking.permit.Settle(
      {.verdict = is_good ? sluice::Verdict::kSuccess : sluice::Verdict::kFailure,
       .duration = Now() - started},
      Now());
}

int Run(const Target& target, int calls, int calls_per_second) {
  auto limit = sluice::limit::RateLimit::Create(
      {.name = "to-the-service", .limit = calls_per_second, .period = 1s}, Now());
  auto breaker = sluice::breaker::Breaker::Create(
      {.name = "the-service", .minimum_number_of_calls = 10, .failure_rate_threshold = 50},
      /*seed=*/1, Now());
  if (!limit || !breaker) {
    const sluice::Error& error = limit ? breaker.error() : limit.error();
    std::fprintf(stderr, "guarded_client: %s\n", error.detail.c_str());
    return 2;
  }
  Counts counts;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < calls / kThreads; ++call)
        CallOnce(**limit, **breaker, target, counts);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const sluice::breaker::BreakerSnapshot seen = (*breaker)->Snapshot(Now());
  std::printf("answered %d, failed %d, rate limited %d, not asked %d; the breaker is %s\n",
              counts.answered.load(), counts.failed.load(), counts.rate_limited.load(),
              counts.not_asked.load(), std::string(NameOf(seen.state)).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 4 ? std::atoi(argv[4]) : 100;
  const int calls_per_second = argc > 5 ? std::atoi(argv[5]) : 1000;
  if (argc < 4 || calls < kThreads || calls > 1'000'000) {
    std::fprintf(stderr, "usage: guarded_client HOST PORT PATH [CALLS [CALLS_PER_SECOND]]\n");
    return 2;
  }
  return Run({.host = argv[1], .port = argv[2], .path = argv[3]}, calls, calls_per_second);
}
