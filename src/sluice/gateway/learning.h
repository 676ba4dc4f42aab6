// Learning: finds limits for rules in shadow that have `learn`.
//
// Every second the busiest key is looked at. A rule's limit is `headroom` times the most that a key
// has asked so far, and at least the configured one; when its time is over it stays as it is. So
// whatever a rule would refuse afterwards is unlike anything that was there before.
//
// Belongs to the control loop. What was learnt is lost with the process.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sluice/contract/loop.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/registry.h"

namespace sluice::gateway {

struct Lesson {
  SteadyTime until{};            // Then it is over.
  double peak_per_second = 0;    // Requests of the busiest key.
  std::int64_t limit = 0;        // In force; per period of the rule.
  std::uint64_t generation = 0;  // Of the snapshot whose guard has this limit.
  bool is_told = false;          // The line at its end was logged.
};

// `headroom` times `peak_per_second` over `period`, rounded up; from `floor` to 1e9.
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
  void Stop();

  // What the rule has learnt; null where it does not learn.
  [[nodiscard]] const Lesson* Find(const std::string& rule) const;

 private:
  static void Fire(Timer& timer, SteadyTime now);
  void Look(SteadyTime now);
  void Learn(const RatePlan& plan, std::uint64_t generation, SteadyTime now);

  Loop& control_;
  const Registry& registry_;
  std::function<void(std::string_view line)> log_;
  std::map<std::string, Lesson> lessons_;  // By the rule's name.
  Timer timer_;
};

}  // namespace sluice::gateway
