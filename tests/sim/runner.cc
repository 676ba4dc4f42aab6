#include "tests/sim/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "tests/sim/judge.h"
#include "tests/sim/prometheus_text.h"
#include "tests/sim/stage.h"
#include <fmt/format.h>

namespace sluice::scenario {
namespace {

// After the last answer: what the gateway still has to do in the same moment, it does.
constexpr Nanos kSettleTime = std::chrono::milliseconds(1);
constexpr std::size_t kFailuresMax = 20;

template <typename Number>
bool Holds(Comparison comparison, Number got, Number expected) {
  switch (comparison) {
    case Comparison::kIs:
      return got == expected;
    case Comparison::kAtLeast:
      return got >= expected;
    case Comparison::kAtMost:
      return got <= expected;
  }
  return false;
}

std::string_view Tell(Comparison comparison) {
  switch (comparison) {
    case Comparison::kIs:
      return "";
    case Comparison::kAtLeast:
      return "at least ";
    case Comparison::kAtMost:
      return "at most ";
  }
  return "";
}

std::string Tell(const UpstreamRef& upstream) {
  if (upstream.endpoint == 0) return upstream.name;
  return fmt::format("{}/{}", upstream.name, upstream.endpoint);
}

// A world with streams left open would abort, instead of letting the failure be told. It stays
// until the end of the process, in reach of who looks for leaks.
void Abandon(std::unique_ptr<Stage> stage) {
  static auto& abandoned = *new std::vector<Stage*>();
  abandoned.push_back(stage.release());
}

class Runner {
 public:
  Runner(const Scenario& scenario, std::uint64_t seed, const MakeSystem& make)
      : scenario_(scenario),
        stage_(std::make_unique<Stage>(scenario, seed, make)),
        arrivals_(seed) {}

  RunReport Run() {
    for (const Step& step : scenario_.givens)
      Do(step);
    const std::string problem = stage_->Start();
    if (problem.empty()) {
      PlaySteps();
      PlayFinals();
    } else {
      failures_.push_back(fmt::format("{}: {}", scenario_.file, problem));
    }
    std::vector<std::string> left;
    stage_->Stop(left);
    for (const std::string& text : left)
      failures_.push_back(fmt::format("{}: {}", scenario_.file, text));
    RunReport report{.failures = std::move(failures_),
                     .timeline = stage_->timeline().ToString(),
                     .trace_hash = stage_->world().trace().hash(),
                     .events = stage_->world().events_total()};
    if (!left.empty()) Abandon(std::move(stage_));
    return report;
  }

 private:
  void PlaySteps() {
    const SteadyTime start = stage_->world().now();
    for (const Step& step : scenario_.steps)
      agenda_.emplace(start + step.at, [this, &step] { Do(step); });
    while (!agenda_.empty()) {
      const auto next = agenda_.begin();
      const SteadyTime now = stage_->world().now();
      if (next->first > now) stage_->world().RunFor(next->first - now);
      const std::function<void()> work = std::move(next->second);
      agenda_.erase(next);
      work();
      JudgeAnswered();
    }
    FinishBatches();
  }

  void PlayFinals() {
    stage_->world().RunFor(kSettleTime);
    for (const Step& step : scenario_.finals) {
      Do(step);
      FinishBatches();
    }
  }

  void FinishBatches() {
    const auto all_answered = [this] {
      const auto answered = [](const Batch& batch) { return batch.outstanding == 0; };
      return std::ranges::all_of(batches_, answered);
    };
    // Every client has lost its patience by then, but for the time it takes to watch a close.
    const Nanos limit = 2 * scenario_.patience + std::chrono::minutes(1);
    if (!stage_->world().RunUntil(all_answered, limit)) Fail(scenario_.file, "clients do not end");
    JudgeAnswered();
  }

  void JudgeAnswered() {
    for (auto batch = batches_.begin(); batch != batches_.end();) {
      if (batch->outstanding > 0) {
        ++batch;
        continue;
      }
      if (batch->send->expectation) {
        for (std::string& text : Judge(*batch->send->expectation, batch->answers))
          Fail(*batch->step, std::move(text));
      }
      batch = batches_.erase(batch);
    }
  }

  void Do(const Step& step) {
    if (std::get_if<SendRequests>(&step.action) == nullptr) {
      stage_->Note(fmt::format("line {}: {}", step.line, step.text));
    }
    std::visit([this, &step](const auto& action) { Carry(step, action); }, step.action);
  }

  void Carry(const Step& step, const SendRequests& send) {
    batches_.emplace_back();
    Batch& batch = batches_.back();
    batch.step = &step;
    batch.send = &send;
    batch.answers.resize(send.clients);
    batch.connections.resize(send.clients);
    batch.outstanding = send.clients;
    stage_->Note(
        fmt::format("line {}: {} send {} {}", step.line, send.clients, send.method, send.target));
    const SteadyTime now = stage_->world().now();
    SteadyTime at = now;
    for (std::size_t i = 0; i < send.clients; ++i) {
      if (i > 0) at += send.at_random ? RandomGap(send.every) : send.every;
      if (at == now) {
        Begin(step, batch, i);
      } else {
        agenda_.emplace(at, [this, &step, &batch, i] { Begin(step, batch, i); });
      }
    }
  }

  // Between two events of a Poisson process: exponentially distributed around `mean`.
  Nanos RandomGap(Nanos mean) {
    return Nanos(static_cast<Nanos::rep>(-std::log1p(-arrivals_.Unit()) *
                                         static_cast<double>(mean.count())));
  }

  void Begin(const Step& step, Batch& batch, std::size_t index) {
    if (stage_->Send(batch, index)) return;
    Fail(step, fmt::format("client {} still waits for its last answer", batch.send->client));
    --batch.outstanding;
  }

  void Carry(const Step& step, const Repeat& repeat) { Iterate(step, repeat, /*iteration=*/0); }

  void Iterate(const Step& step, const Repeat& repeat, std::size_t iteration) {
    for (const Step& inner : repeat.steps)
      Do(inner);
    if (iteration + 1 >= repeat.times) return;
    agenda_.emplace(stage_->world().now() + repeat.every,
                    [this, &step, &repeat, iteration] { Iterate(step, repeat, iteration + 1); });
  }

  void Carry(const Step& step, const ClientAct& act) {
    if (!stage_->Act(act)) Fail(step, fmt::format("client {} has sent nothing yet", act.client));
  }
  void Carry(const Step& step, const AdminCall& call) {
    const Answer answer = stage_->Call(call);
    const bool has_text =
        !call.containing || answer.message.body.find(*call.containing) != std::string::npos;
    if (Fits(call.expected, answer) && has_text) return;
    Fail(step, fmt::format("expected {}{}: got {}", scenario::Tell(call.expected),
                           call.containing ? fmt::format(" containing `{}`", *call.containing) : "",
                           scenario::Tell(answer)));
  }
  void Carry(const Step& step, const Reload& reload) {
    const Result<void> reloaded = stage_->system().Reload(reload.config);
    const std::string problem = reloaded ? std::string() : reloaded.error().detail;
    if (!reload.expected_problem) {
      if (!reloaded) Fail(step, fmt::format("the reload failed: {}", problem));
    } else if (reloaded) {
      Fail(step, "expected a problem, and the reload succeeded");
    } else if (problem.find(*reload.expected_problem) == std::string::npos) {
      Fail(step,
           fmt::format("expected a problem with `{}`, got: {}", *reload.expected_problem, problem));
    }
  }
  void Carry(const Step& /*step*/, const Drain& /*drain*/) { stage_->system().Drain(); }
  void Carry(const Step& /*step*/, const SetUpstream& set) {
    stage_->upstream(set.upstream.name).Behave(set.upstream.endpoint, set.behaviour);
  }
  void Carry(const Step& /*step*/, const SetName& set) { stage_->SetName(set); }
  void Carry(const Step& /*step*/, const SetFaultPoint& set) { stage_->SetFaultPoint(set); }
  void Carry(const Step& /*step*/, const ResetConnections& reset) {
    stage_->upstream(reset.upstream.name).ResetConnections(reset.upstream.endpoint);
  }
  void Carry(const Step& /*step*/, const SetLatency& set) {
    if (set.upstream.name.empty()) {
      stage_->SetGatewayLatency(set.latency);
    } else {
      stage_->upstream(set.upstream.name).SetLatency(set.upstream.endpoint, set.latency);
    }
  }
  void Carry(const Step& /*step*/, const SetHost& set) {
    if (set.dropped) {
      stage_->world().faults().DropHost(set.host);
    } else {
      stage_->world().faults().RestoreHost(set.host);
    }
  }
  void Carry(const Step& /*step*/, const LimitStreams& limit) {
    stage_->system().LimitStreams(limit.streams_max);
  }
  void Carry(const Step& /*step*/, const StepWallClock& wall) {
    stage_->world().StepWallClock(wall.step);
  }

  void Carry(const Step& step, const CheckCounter& check) {
    const std::optional<double> got = SumOf(stage_->system().MetricsText(), check.series);
    if (!got) {
      Fail(step, fmt::format("there is no counter {}, by its name or its labels", check.series));
    } else if (!Holds(check.comparison, *got, check.value)) {
      Fail(step, fmt::format("expected {} to be {}{}, it is {}", check.series,
                             Tell(check.comparison), check.value, *got));
    }
  }
  void Carry(const Step& step, const CheckNoExchange& /*check*/) {
    const std::size_t in_flight = stage_->system().exchanges_in_flight();
    if (in_flight > 0) Fail(step, fmt::format("{} exchanges are in flight", in_flight));
  }
  void Carry(const Step& step, const CheckRequests& check) {
    const std::uint64_t got =
        stage_->upstream(check.upstream.name).requests(check.upstream.endpoint);
    if (Holds(check.comparison, got, check.count)) return;
    Fail(step, fmt::format("expected upstream {} to have got {}{} requests, it got {}",
                           Tell(check.upstream), Tell(check.comparison), check.count, got));
  }
  void Carry(const Step& step, const CheckShare& check) {
    const SimUpstream& upstream = stage_->upstream(check.upstream.name);
    const auto all = static_cast<double>(upstream.requests(/*endpoint=*/0));
    const auto got = static_cast<double>(upstream.requests(check.upstream.endpoint));
    if (all > 0 && got >= check.ratio_min * all && got <= check.ratio_max * all) return;
    Fail(step,
         fmt::format("expected upstream {} to have got {:g}% to {:g}% of requests, it got {} "
                     "of {}",
                     Tell(check.upstream), 100 * check.ratio_min, 100 * check.ratio_max, got, all));
  }
  void Carry(const Step& step, const CheckSaw& check) {
    const SimUpstream& upstream = stage_->upstream(check.upstream.name);
    if (upstream.Saw(check.upstream.endpoint, check.text) == check.saw) return;
    Fail(step, fmt::format("upstream {} {} `{}`", Tell(check.upstream),
                           check.saw ? "never saw" : "saw", check.text));
  }
  void Carry(const Step& step, const CheckConnections& check) {
    const std::size_t got =
        stage_->upstream(check.upstream.name).connections(check.upstream.endpoint);
    if (Holds(check.comparison, got, check.count)) return;
    Fail(step, fmt::format("expected upstream {} to have {}{} connections, it has {}",
                           Tell(check.upstream), Tell(check.comparison), check.count, got));
  }

  void Fail(const Step& step, std::string text) {
    Fail(fmt::format("{}:{}", scenario_.file, step.line), std::move(text));
  }
  void Fail(std::string place, std::string text) {
    stage_->Note(fmt::format("FAILED {}: {}", place, text));
    if (failures_.size() < kFailuresMax) failures_.push_back(fmt::format("{}: {}", place, text));
  }

  const Scenario& scenario_;
  std::unique_ptr<Stage> stage_;
  Random arrivals_;  // Of its own, so that the same seed brings the same load to any system.
  std::multimap<SteadyTime, std::function<void()>> agenda_;
  std::list<Batch> batches_;
  std::vector<std::string> failures_;
};

}  // namespace

RunReport PlayScenario(const Scenario& scenario, std::uint64_t seed, const MakeSystem& make) {
  return Runner(scenario, seed, make).Run();
}

}  // namespace sluice::scenario
