// Judge: is the candidate as good as stable? Fed with ticks, it says at each moment pass, wait,
// hold or fail, and why in one sentence.
//
// Fail: an EventTest of a metric exceeds 1/alpha (its part of it), or a guard-rail trips. Hold: the
// judge cannot know (too few requests in the time allowed, traffic that is not split as it should
// be, or a control slice that differs from stable though both are the same). Pass: enough time and
// requests, and nothing of the above. Hold is never pass.
//
// Not thread-safe.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/release/event_test.h"
#include "sluice/release/judge_options.h"
#include "sluice/release/tick.h"

namespace sluice::release {

enum class Finding : std::uint8_t { kWait, kPass, kHold, kFail };
// "wait", "pass", "hold", "fail".
[[nodiscard]] std::string_view NameOf(Finding finding);
[[nodiscard]] std::optional<Finding> FindingOf(std::string_view name);

// What somebody else says of the candidate: a diff, a replay, a person.
struct OutsideEvidence {
  std::string source;
  Finding verdict = Finding::kWait;  // kPass, kHold or kFail; kWait: it has nothing to say.
  std::string reason;
  bool critical = false;  // A kFail that is undone at once.
  friend bool operator==(const OutsideEvidence&, const OutsideEvidence&) = default;
};

struct Verdict {
  Finding finding = Finding::kWait;
  std::string reason;    // A word for machines: "errors", "burn_rate", "insufficient_samples", ….
  std::string sentence;  // For people.
  bool critical = false;
};

// What is asked of a step.
struct StepQuestion {
  Nanos exposed{0};  // Time under this weight so far, with the candidate healthy.
  Nanos bake{0};     // How long it is to be.
};

// One metric as it stands, for reports.
struct MetricReport {
  std::string name;
  std::uint64_t candidate_events = 0;
  std::uint64_t candidate_requests = 0;
  std::uint64_t stable_events = 0;
  std::uint64_t stable_requests = 0;
  double ratio = 0;  // 0: not known.
  double ratio_low = 0;
  double ratio_high = 0;  // 95 %, by the logarithm of the ratio; for people, nothing decides by it.
  double log_e = 0;
  double log_threshold = 0;
  double detectable_ratio = 0;  // The smallest that would have shown by now; 0: none.
};

class Judge {
 public:
  [[nodiscard]] static Result<Judge> Create(const JudgeOptions& options);

  // The evidence stays; samples and the guard-rails' comparison begin anew.
  void BeginStep(const CandidateHealth& health);

  // Counts one second. `candidate_share`: what part of the keys the weight gives the candidate.
  void Add(const Tick& tick, double candidate_share);
  // The candidate settles: only the guard-rails count.
  void AddSettling(const Tick& tick) { rails_.Add(tick); }

  [[nodiscard]] Verdict Decide(const StepQuestion& question,
                               const CandidateHealth& health,
                               const std::vector<OutsideEvidence>& outside) const;

  [[nodiscard]] std::vector<MetricReport> Report() const;
  // ln of the greatest e-value of stable against its own control slice.
  [[nodiscard]] double control_log_e() const;
  [[nodiscard]] double assignment_log_e() const { return assignment_.log_e(); }
  [[nodiscard]] const Tick& in_step() const { return in_step_; }
  [[nodiscard]] const Tick& in_all() const { return in_all_; }
  [[nodiscard]] const JudgeOptions& options() const { return options_; }

  // All of the evidence, but for what the guard-rails have counted since the step began: a line of
  // numbers that Restore() takes back to the last digit. Fails with kBadRequest on any other text.
  [[nodiscard]] std::string Save() const;
  [[nodiscard]] Result<void> Restore(std::string_view text);
  // After Restore() and the ticks since: the next ones are of a gateway that has just begun.
  void GoOn() { rails_.AwaitEndpoints(); }

 private:
  struct Metric {
    MetricOptions options;
    std::size_t first_channel = 0;
    double log_threshold = 0;
    std::vector<EventTest> tests;     // One a channel.
    std::vector<EventTest> controls;  // The same of control against stable.
  };

  explicit Judge(const JudgeOptions& options);
  [[nodiscard]] static double LogE(const std::vector<EventTest>& tests);
  [[nodiscard]] MetricReport ReportOf(const Metric& metric) const;
  [[nodiscard]] std::optional<Verdict> FindFailure() const;
  [[nodiscard]] std::optional<Verdict> FindDoubt() const;
  // In one order, for keeping them.
  template <typename Self, typename Visit>
  static void ForEachTest(Self& self, Visit visit) {
    visit(self.assignment_);
    for (auto& metric : self.metrics_) {
      for (auto& test : metric.tests)
        visit(test);
      for (auto& test : metric.controls)
        visit(test);
    }
  }

  JudgeOptions options_;
  std::vector<Metric> metrics_;
  EventTest assignment_;
  GuardRails rails_;
  Tick in_step_;
  Tick in_all_;
};

}  // namespace sluice::release
