// Learning: finds limits for rules in shadow that have `learn`.
//
// From the first request on, the busiest key is looked at every second. Meanwhile the rule has no
// limit at all (see Registry), so nobody is counted as refused who only was not known yet. When the
// lesson is over the limit is `headroom` times the most that a key has asked, and at least the
// configured one: whatever the rule would refuse from then on is unlike anything that was there
// before.
//
// Belongs to the control loop. What was learnt is lost with the process.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/contract/loop.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/registry.h"

namespace sluice::gateway {

struct Lesson {
  enum class Phase : std::uint8_t { kWaiting, kLearning, kOver };

  Phase phase = Phase::kWaiting;  // For the first request.
  SteadyTime began{};             // To learn.
  double peak_per_second = 0;     // Requests of the busiest key.
  std::int64_t limit = 0;         // Per period of the rule; in force when the lesson is over.
  std::uint64_t generation = 0;   // Of the snapshot whose guard has this limit.
  std::shared_ptr<limit::RateLimit> guard;  // Of which it was learnt.
};

// `headroom` times `peak_per_second` over `period`, rounded up; from `floor` to 1e9, and at most
// one a nanosecond.
[[nodiscard]] std::int64_t LimitFor(double peak_per_second,
                                    Nanos period,
                                    double headroom,
                                    std::int64_t floor);

class Learning {
 public:
  static constexpr Nanos kInterval = std::chrono::seconds(1);

  Learning(Loop& control, const Registry& registry, std::function<void(std::string_view line)> log);
  Learning(const Learning&) = delete;
  Learning& operator=(const Learning&) = delete;
  ~Learning() { Stop(); }

  void Start();
  // After each new snapshot, so that what was learnt is in force again at once.
  void Follow() { Look(control_.now()); }
  void Stop();

  // What the rule has learnt; null where it does not learn.
  [[nodiscard]] const Lesson* Find(const std::string& rule) const;

  // How long the rule's lesson goes on; all of it while nobody has come, 0 when it is over.
  [[nodiscard]] static Nanos TimeLeft(const Lesson& lesson, Nanos length, SteadyTime now);

 private:
  static void Fire(Timer& timer, SteadyTime now);
  void Look(SteadyTime now);
  void Learn(const RatePlan& plan, std::uint64_t generation, SteadyTime now);
  void Watch(const RatePlan& plan, Lesson& lesson, SteadyTime now);

  Loop& control_;
  const Registry& registry_;
  std::function<void(std::string_view line)> log_;
  std::map<std::string, Lesson> lessons_;  // By the rule's name.
  Timer timer_;
};

}  // namespace sluice::gateway
