#include "sluice/gateway/flows/flow_runner.h"

#include <algorithm>
#include <utility>

#include "sluice/gateway/flows/flow_call.h"
#include "sluice/gateway/flows/flow_run.h"

namespace sluice::gateway::flows {
namespace {

constexpr std::size_t kFreeExchangesMax = 64;
constexpr Nanos kKeepWindow = std::chrono::seconds(1);

// What templates may make of a head is bounded by this.
constexpr wire::HeadLimits kCallHeadLimits{
    .start_line_max = 64 * kKiB, .header_block_max = 64 * kKiB, .headers_max = 200};

std::size_t ShareOf(std::int64_t bound, std::size_t workers) {
  return (static_cast<std::size_t>(bound) + workers - 1) / workers;
}

dag::RunnerOptions OptionsOf(const config::FlowConfig& config, std::size_t workers) {
  return {.in_flight_max = ShareOf(config.max_in_flight, workers),
          .queue_max = ShareOf(config.queue, workers)};
}

std::uint64_t CountOf(Nanos span) {
  return static_cast<std::uint64_t>(span.count());
}

}  // namespace

RunOutcome OutcomeOf(const dag::RunView& run) {
  if (run.error() == nullptr) {
    return run.degraded().empty() ? RunOutcome::kOk : RunOutcome::kDegraded;
  }
  switch (run.error()->kind) {
    case dag::FailureKind::kTimedOut:
      return RunOutcome::kTimedOut;
    case dag::FailureKind::kCancelled:
      return RunOutcome::kCancelled;
    case dag::FailureKind::kRejected:
      return run.error()->node.empty() ? RunOutcome::kRejected : RunOutcome::kFailed;
    default:
      break;
  }
  const ErrorCode code = run.error()->cause.code;
  const bool is_timeout = code == ErrorCode::kUpstreamTimeout || code == ErrorCode::kTimeout;
  return is_timeout ? RunOutcome::kTimedOut : RunOutcome::kFailed;
}

FlowRunner::FlowRunner(WorkerContext& worker,
                       std::shared_ptr<const FlowPlan> plan,
                       std::size_t worker_count,
                       FlowStats& stats)
    : worker_(worker),
      plan_(std::move(plan)),
      stats_(stats),
      tally_(stats.flow(worker.index)),
      places_max_(ShareOf(plan_->config().max_in_flight, worker_count) +
                  ShareOf(plan_->config().queue, worker_count)),
      runner_(worker.loop, plan_->plan(), OptionsOf(plan_->config(), worker_count)) {
  for (const FlowNode& node : plan_->nodes())
    nodes_.push_back(&stats.Node(node.config->name, worker.index));
  const dag::CompiledPlan& compiled = *plan_->plan().compiled();
  plan_nodes_.resize(compiled.node_count, nullptr);
  calls_.resize(nodes_.size());
  for (std::uint16_t i = 1; i < compiled.node_count; ++i) {
    const std::size_t node = plan_->NodeOf(compiled.NameOfNode(i));
    if (node == FlowPlan::kNoNode) continue;
    plan_nodes_[i] = nodes_[node];
    if (compiled.NameOfNode(i) == plan_->nodes()[node].config->name) calls_[node] = i;
  }
  stats_.AddRunner(runner_.counts());
}

FlowRunner::~FlowRunner() {
  stats_.RemoveRunner(runner_.counts());
}

bool FlowRunner::TakePlace() {
  if (runner_.in_flight() + runner_.queued() + places_taken_ < places_max_) {
    ++places_taken_;
    return true;
  }
  Count(RunOutcome::kRejected, Nanos(0));
  return false;
}

dag::Running<FlowValue> FlowRunner::Start(FlowValue input, SteadyTime deadline) {
  dag::RunOptions options;
  options.deadline = deadline;
  options.tracing = dag::Tracing::kOn;
  options.observer = this;
  options.id = worker_.loop.random().Next();
  --places_taken_;
  return runner_.Run(std::move(input), options);
}

void FlowRunner::Count(RunOutcome outcome, Nanos duration) {
  tally_.outcomes[static_cast<std::size_t>(outcome)].Add();
  tally_.duration.Record(duration);
}

std::unique_ptr<Exchange> FlowRunner::TakeExchange() {
  if (free_exchanges_.empty()) return std::make_unique<Exchange>(worker_, kCallHeadLimits);
  std::unique_ptr<Exchange> exchange = std::move(free_exchanges_.back());
  free_exchanges_.pop_back();
  return exchange;
}

void FlowRunner::StopCalls() {
  is_stopping_ = true;
  const std::vector<FlowCall*> calls = calls_under_way_;  // None ends before the loop goes on.
  for (FlowCall* const call : calls)
    call->Stop();
}

void FlowRunner::GiveBack(std::unique_ptr<Exchange> exchange) {
  exchange->Reset();
  exchange->received.clear();
  exchange->Shrink();
  if (free_exchanges_.size() < kFreeExchangesMax) free_exchanges_.push_back(std::move(exchange));
}

void FlowRunner::OnEnded(const dag::RunView& run) {
  if (OutcomeOf(run) == RunOutcome::kRejected || !run.block().is_traced()) return;
  if (run.block().began_at() == SteadyTime{}) return;  // Given up while it waited for its turn.
  Tally(run);
  const Nanos duration = run.block().decided_at() - run.block().began_at();
  const bool is_slow = duration >= plan_->config().trace.slower_than;
  const bool is_bad = run.error() != nullptr && OutcomeOf(run) != RunOutcome::kCancelled;
  if (plan_->config().trace.keep > 0 && (is_slow || is_bad)) KeepTrace(run);
}

void FlowRunner::TallyCall(const dag::RunView& run, std::uint16_t call, NodeTally& tally) {
  const dag::RunBlock::Moments at = run.block().moments(call);
  if (at.start != kNever) tally.started.Add();
  if (at.start != kNever && at.end != kNever) tally.running_nanos.Add(CountOf(at.end - at.start));
  // The engine counts only where there may be several.
  const int attempts = std::max(run.block().attempts(call), at.start != kNever ? 1 : 0);
  tally.attempts.Add(static_cast<std::uint64_t>(attempts));
  const dag::NodeState state = run.state(call);
  if (state == dag::NodeState::kDegraded) tally.degraded.Add();
  const bool has_failed = state == dag::NodeState::kFailed || state == dag::NodeState::kTimedOut;
  if (has_failed) tally.failed.Add();
}

// Each node on the critical path is charged the time from the end of the one before to its own, so
// the shares of a run add up to its duration. What decides about a call counts as the call.
void FlowRunner::Tally(const dag::RunView& run) {
  const auto moments = [&run](std::uint16_t at) { return run.block().moments(at); };
  const SteadyTime began = run.block().began_at();
  tally_.traced.Add();
  tally_.traced_nanos.Add(CountOf(run.block().decided_at() - began));
  tally_.late_results.Add(run.late_results());
  for (std::size_t i = 0; i < calls_.size(); ++i)
    TallyCall(run, calls_[i], *nodes_[i]);
  std::uint16_t node = dag::DecidingNode(run);
  if (node == dag::kNoNode || node == 0 || moments(node).end == kNever) return;
  NodeTally* last = nullptr;
  while (node != dag::kNoNode) {
    const std::uint16_t before = dag::CriticalInput(run, node);
    const SteadyTime from = before == dag::kNoNode ? began : moments(before).end;
    if (NodeTally* const tally = plan_nodes_[node]) {
      if (tally != last) tally->on_path.Add();
      tally->path_nanos.Add(CountOf(moments(node).end - from));
      last = tally;
    }
    node = before;
  }
}

// While an upstream is down every run is worth a trace. More of them than are kept would only push
// one another out, so the first ones of a second do.
void FlowRunner::KeepTrace(const dag::RunView& run) {
  const SteadyTime now = worker_.loop.now();
  if (now - keep_rate_.since >= kKeepWindow) keep_rate_ = {.since = now, .kept = 0};
  if (keep_rate_.kept >= plan_->config().trace.keep) return tally_.traces_dropped.Add();
  ++keep_rate_.kept;
  const auto* const input =
      static_cast<const FlowValue*>(run.block().slot(run.plan().nodes[0].step.slot));
  KeptRun kept{.ended = worker_.loop.wall_now(),
               .outcome = OutcomeOf(run),
               .trace_id = {},
               .path = input->run->path,
               .error = run.error() == nullptr ? std::string() : dag::Describe(*run.error()),
               .degraded = {},
               .trace = dag::RunTrace(run)};
  if (input->run->trace) wire::AppendTraceId(*input->run->trace, kept.trace_id);
  for (const std::string_view node : run.degraded())
    kept.degraded.emplace_back(node);
  stats_.Keep(std::move(kept), static_cast<std::size_t>(plan_->config().trace.keep));
}

}  // namespace sluice::gateway::flows
