#include "sluice/release/plan.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/release/bucket.h"

namespace sluice::release {
namespace {

constexpr std::size_t kStepsMax = 100;
constexpr double kControlMax = 50;

void CheckSteps(const PlanOptions& options, std::string_view path, ConfigProblems& problems) {
  double before = 0;
  for (std::size_t i = 0; i < options.steps.size(); ++i) {
    const StepOptions& step = options.steps[i];
    const std::string place = fmt::format("{}.steps[{}].weight_percent", path, i);
    if (!(step.weight_percent >= 0 && step.weight_percent <= 100)) {
      problems.push_back({place, fmt::format("must be 0..100, got {}", step.weight_percent)});
      continue;
    }
    if (step.weight_percent > 0 && BucketsOfPercent(step.weight_percent) == 0) {
      problems.push_back({place, fmt::format("must be at least 0.0001, got {}: nobody would ever "
                                             "reach the candidate",
                                             step.weight_percent)});
    }
    if (step.weight_percent < before && !options.allow_decrease) {
      problems.push_back({place, fmt::format("must not be below the step before it ({}), got {}; "
                                             "if that is meant, set `allow_decrease: true`",
                                             before, step.weight_percent)});
    }
    before = step.weight_percent;
  }
  const bool changes_nothing = std::ranges::all_of(
      options.steps, [](const StepOptions& step) { return !(step.weight_percent > 0); });
  if (changes_nothing) {
    problems.push_back({fmt::format("{}.steps", path),
                        "must have a step with a weight above 0: this plan cannot change any "
                        "traffic"});
  }
}

}  // namespace

std::string_view NameOf(HookMoment moment) {
  constexpr std::array<std::string_view, 3> kNames = {"pre", "during", "post"};
  return kNames[static_cast<std::size_t>(moment)];
}

bool StepOptions::HasHooks(HookMoment when) const {
  return std::ranges::find(hooks, when, &HookOptions::when) != hooks.end();
}

void Validate(const PlanOptions& options, std::string_view path, ConfigProblems& problems) {
  if (options.stable == options.candidate) {
    problems.push_back({fmt::format("{}.candidate", path),
                        fmt::format("must differ from `stable`, got \"{}\" twice: this plan cannot "
                                    "change any traffic",
                                    options.candidate)});
  }
  if (options.steps.empty() || options.steps.size() > kStepsMax) {
    problems.push_back(
        {fmt::format("{}.steps", path),
         fmt::format("must have 1..{} items, got {}", kStepsMax, options.steps.size())});
  } else {
    CheckSteps(options, path, problems);
  }
  if (!(options.control_percent >= 0 && options.control_percent <= kControlMax)) {
    problems.push_back({fmt::format("{}.control_percent", path),
                        fmt::format("must be 0..50, got {}", options.control_percent)});
  }
  Validate(options.judge, fmt::format("{}.judge", path), problems);
}

}  // namespace sluice::release
