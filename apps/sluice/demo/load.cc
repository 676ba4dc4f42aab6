#include "demo/load.h"

#include <algorithm>
#include <utility>

namespace sluice::demo {

Task<void> LoadRun::Run() {
  SteadyTime begin = loop_.now();
  for (std::size_t phase = 0; phase < plan_.phases.size(); ++phase) {
    const Phase& now = plan_.phases[phase];
    phase_ = now.name;
    if (now.start == PhaseStart::kWhenAnswered) {
      co_await tasks_.Drained();
      begin = std::max(begin, loop_.now());
    }
    if (now.at_begin) now.at_begin();
    const auto interval = Nanos(static_cast<Nanos::rep>(1e9 / now.per_second));
    for (SteadyTime due = begin; due < begin + now.length; due += interval) {
      if (due > loop_.now()) co_await loop_.SleepUntil(due);
      samples_.push_back({.phase = phase, .due = due - begin, .answer = {}});
      tasks_.Spawn(AskOne(samples_.size() - 1, due));
    }
    begin += now.length;
    if (begin > loop_.now()) co_await loop_.SleepUntil(begin);
  }
  co_await tasks_.Drained();
  is_done_ = true;
}

Task<void> LoadRun::AskOne(std::size_t sample, SteadyTime due) {
  Question question = plan_.question(sample);
  Answer answer = co_await client_.Ask(std::move(question), due, plan_.patience);
  samples_[sample].answer = std::move(answer);
}

}  // namespace sluice::demo
