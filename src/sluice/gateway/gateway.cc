#include "sluice/gateway/gateway.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/gateway/loop_call.h"

namespace sluice::gateway {
namespace {

constexpr Nanos kApplyCheckInterval = std::chrono::milliseconds(2);
constexpr Nanos kDrainCheckInterval = std::chrono::milliseconds(20);
constexpr Nanos kFirstResolutionMax = std::chrono::seconds(2);
constexpr std::string_view kLogOff = "off";

Result<std::unique_ptr<Listener>> ListenOnLoop(Loop& loop,
                                               const std::string& /*name*/,
                                               const Address& address,
                                               std::size_t /*worker*/) {
  return loop.Listen(address, {.share_port = true});
}

// The first problem, in one line of the log, and how many more there are.
std::string WhatIsWrong(const std::vector<config::Problem>& problems) {
  std::string text = problems.front().ToString();
  std::ranges::replace(text, '"', '\'');
  const std::size_t more = problems.size() - 1;
  if (more > 0) text += fmt::format(" (and {} more problem{})", more, more == 1 ? "" : "s");
  return text;
}

}  // namespace

std::string_view NameOf(Phase phase) {
  switch (phase) {
    case Phase::kStarting:
      return "starting";
    case Phase::kServing:
      return "serving";
    case Phase::kDraining:
      return "draining";
    case Phase::kStopped:
      return "stopped";
  }
  return "unknown";
}

Gateway::Gateway(GatewayWorld world)
    : world_(std::move(world)),
      key_hasher_(world_.seed, Random(world_.seed).Next()),
      stats_(world_.workers.size()),
      registry_(stats_, key_hasher_, world_.seed + 1, world_.read_file),
      care_(*world_.control, [this](std::string_view line) { Log(line); }),
      breaker_watch_(*world_.control, registry_, [this](std::string_view line) { Log(line); }),
      learning_(*world_.control, registry_, [this](std::string_view line) { Log(line); }),
      overload_watch_(*world_.control,
                      registry_,
                      stats_,
                      world_.host_load,
                      [this](std::string_view line) { Log(line); }),
      releases_(
          *world_.control, world_.open_store, feed_, [this](std::string_view line) { Log(line); }),
      recordings_(world_.background,
                  world_.prepare_recording,
                  [this](std::string_view line) { Log(line); }),
      started_at_(world_.control->now()),
      hurry_event_(*world_.control) {
  if (!world_.open_listener) world_.open_listener = &ListenOnLoop;
  for (std::size_t i = 0; i < world_.workers.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(*world_.workers[i],
                                                WorkerOptions{.index = i,
                                                              .open_listener = world_.open_listener,
                                                              .stats = &stats_,
                                                              .key_hasher = &key_hasher_}));
  }
}

Gateway::~Gateway() {
  SLUICE_ASSERT(phase_ == Phase::kStopped || phase_ == Phase::kStarting);
}

void Gateway::Log(std::string_view line) {
  feed_.Add("log", line);
  if (world_.log) world_.log(line);
}

// Configurations are put in force in the order they came, so that the newest is the last.
Task<void> Gateway::TakeTurn() {
  const std::uint64_t ticket = next_ticket_++;
  while (ticket != served_ticket_ || applying_) {
    co_await control().SleepUntil(control().now() + kApplyCheckInterval);
  }
  applying_ = true;
}

void Gateway::EndTurn() {
  applying_ = false;
  ++served_ticket_;
}

Task<void> Gateway::NothingApplying() {
  while (applying_)
    co_await control().SleepUntil(control().now() + kApplyCheckInterval);
}

Task<Result<void>> Gateway::Apply(config::Config config) {
  co_await TakeTurn();
  Result<void> applied = co_await ApplyNow(std::move(config));
  EndTurn();
  reloads_.last_was_successful = applied.has_value();
  if (applied) {
    ++reloads_.successes;
    reloads_.last_success = control().wall_now();
    Log(fmt::format("config_applied generation={}", registry_.current()->generation));
  } else {
    NoteRefusedReload(applied.error().detail);
  }
  co_return applied;
}

// What is read once, at the start: said, so that nobody waits for it to take effect.
void Gateway::WarnOfRestart(config::LoadOutcome& outcome, const std::string& file_name) {
  if (registry_.current() == nullptr) return;
  const config::Config& before = registry_.current()->config;
  const config::Config& after = outcome.config;
  const auto warn = [&outcome, &file_name, this](const char* path) {
    outcome.warnings.push_back({.place = {.file = file_name},
                                .path = path,
                                .text = "changed; takes effect with a restart or an upgrade"});
    Log(fmt::format("setting_needs_restart path={}", path));
  };
  if (before.workers != after.workers) warn("workers");
  if (before.admin.listen != after.admin.listen) warn("admin.listen");
  if (before.admin.token_file != after.admin.token_file) warn("admin.token_file");
}

Task<config::LoadOutcome> Gateway::ApplyText(std::string text,
                                             std::string file_name,
                                             ApplyMode mode) {
  const config::LoadOptions options{.environment = world_.environment};
  config::LoadOutcome outcome = config::LoadConfig(text, file_name, options);
  if (outcome.ok() && mode == ApplyMode::kDryRun) {
    const Result<SnapshotPlan> plan = registry_.Plan(outcome.config, control().now());
    if (!plan)
      outcome.problems.push_back(
          {.place = {.file = file_name}, .path = {}, .text = plan.error().detail});
    co_return outcome;
  }
  if (!outcome.ok()) {
    if (mode == ApplyMode::kDryRun) co_return outcome;
    NoteRefusedReload(WhatIsWrong(outcome.problems));
    co_return outcome;
  }
  WarnOfRestart(outcome, file_name);
  const Result<void> applied = co_await Apply(outcome.config);
  if (!applied) {
    outcome.problems.push_back(
        {.place = {.file = file_name}, .path = {}, .text = applied.error().detail});
  }
  co_return outcome;
}

void Gateway::NoteRefusedReload(std::string_view why) {
  reloads_.last_was_successful = false;
  ++reloads_.failures;
  if (phase_ == Phase::kStarting) return;  // Who starts the process says why it ends.
  Log(fmt::format("config_refused error=\"{}\"", why));
}

Result<void> Gateway::PrepareAccessLog(const config::Config& config) {
  const std::string& path = config.telemetry.access_log.path;
  if (path == access_log_path_) {
    // So that a log that was moved away is begun anew.
    if (access_log_ != nullptr && world_.reopen_access_log) world_.reopen_access_log(*access_log_);
    return {};
  }
  std::shared_ptr<ByteSink> sink;
  if (path != kLogOff && world_.open_access_log) {
    Result<std::shared_ptr<ByteSink>> opened = world_.open_access_log(path);
    if (!opened) {
      return Fail(opened.error().code, fmt::format("telemetry.access_log.path: cannot open {}: {}",
                                                   path, opened.error().detail));
    }
    sink = std::move(*opened);
  }
  retired_log_ = std::exchange(access_log_, std::move(sink));
  access_log_path_ = path;
  return {};
}

Task<Result<void>> Gateway::ApplyNow(config::Config config) {
  if (phase_ == Phase::kDraining || phase_ == Phase::kStopped) {
    co_return Fail(ErrorCode::kDraining, "the gateway is draining");
  }
  Result<SnapshotPlan> plan = registry_.Plan(std::move(config), control().now());
  if (!plan) co_return std::unexpected(plan.error());
  const std::shared_ptr<Snapshot> snapshot = plan->snapshot;

  Result<std::vector<std::vector<Worker::Opened>>> opened = co_await OpenListeners(*snapshot);
  if (!opened) co_return std::unexpected(opened.error());
  if (phase_ == Phase::kDraining) {
    co_await DropOpened(std::move(*opened));
    co_return Fail(ErrorCode::kDraining, "a drain began meanwhile");
  }
  Result<Recordings::Plan> recording = recordings_.Prepare(snapshot->config, workers_.size());
  if (!recording) {
    co_await DropOpened(std::move(*opened));
    co_return std::unexpected(recording.error());
  }
  const Result<void> log = PrepareAccessLog(snapshot->config);
  if (!log) {
    co_await DropOpened(std::move(*opened));
    co_return log;
  }
  const Result<void> remembers = releases_.Prepare(snapshot->config);
  if (!remembers) {
    co_await DropOpened(std::move(*opened));
    co_return remembers;
  }
  // From here on nothing fails.
  recordings_.Commit(std::move(*recording));
  UpdateBound(*snapshot, *opened);
  std::shared_ptr<const Snapshot> in_force = registry_.Commit(std::move(*plan), control().now());
  care_.Follow(*in_force);
  overload_watch_.Follow();
  learning_.Follow();
  releases_.Follow(in_force);  // Before anybody is served: the weight of before a restart.
  // A first start waits a moment for names, so that the first requests find endpoints.
  const SteadyTime until = control().now() + kFirstResolutionMax;
  while (phase_ == Phase::kStarting && !care_.settled() && control().now() < until) {
    co_await control().SleepUntil(control().now() + kDrainCheckInterval);
  }
  // Before the workers let go: whoever keeps a listening socket open after its last accept makes
  // clients wait in a queue that nobody empties.
  TellListeners(*in_force);
  co_await InstallEverywhere(in_force, std::move(*opened));
  generation_ = in_force->generation;
  retired_log_.reset();  // Here, not on a worker: its end waits for the disk.
  if (phase_ == Phase::kStarting) {
    phase_ = Phase::kServing;
    breaker_watch_.Start();
    learning_.Start();
    releases_.Start();
  }
  co_return Result<void>();
}

// What listens where, by the names of `snapshot`.
void Gateway::UpdateBound(const Snapshot& snapshot,
                          const std::vector<std::vector<Worker::Opened>>& opened) {
  std::vector<BoundListener> bound;
  for (const ListenerPlan& plan : snapshot.listeners) {
    const std::string identity = IdentityOf(plan);
    const auto before = std::ranges::find(bound_, identity, &BoundListener::identity);
    if (before != bound_.end()) {
      bound.push_back(
          {.name = plan.config->name, .identity = identity, .address = before->address});
    }
    for (const Worker::Opened& one : opened.front()) {
      if (one.identity != identity) continue;
      bound.push_back({.name = plan.config->name, .identity = identity, .address = one.bound});
    }
  }
  bound_ = std::move(bound);
}

void Gateway::TellListeners(const Snapshot& snapshot) const {
  if (!world_.on_listeners) return;
  std::vector<std::string> identities;
  for (const ListenerPlan& plan : snapshot.listeners)
    identities.push_back(IdentityOf(plan));
  world_.on_listeners(identities);
}

// Opens what no worker serves yet, on every worker, or nothing at all.
Task<Result<std::vector<std::vector<Worker::Opened>>>> Gateway::OpenListeners(
    const Snapshot& snapshot) {
  std::vector<std::vector<Worker::Opened>> opened(workers_.size());
  for (const ListenerPlan& plan : snapshot.listeners) {
    const bool is_open =
        registry_.current() != nullptr &&
        std::ranges::any_of(registry_.current()->listeners, [&plan](const ListenerPlan& old) {
          return IdentityOf(old) == IdentityOf(plan);
        });
    if (is_open) continue;
    std::shared_ptr<ListenerShare>& share = shares_[IdentityOf(plan)];
    if (share == nullptr) share = std::make_shared<ListenerShare>();
    Address address = plan.address;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      Result<Worker::Opened> result = Fail(ErrorCode::kInputOutput, "not opened");
      Worker* const worker = workers_[i].get();
      const auto open = [worker, &result, &plan, &address, &share] {
        result = worker->Open(IdentityOf(plan), address, share);
      };
      co_await CallOn(control(), *world_.workers[i], open);
      if (!result) {
        const Error error{
            .code = result.error().code,
            .detail = fmt::format("listeners `{}`: cannot listen on {}: {}", plan.config->name,
                                  plan.config->listen, result.error().detail)};
        co_await DropOpened(std::move(opened));
        co_return std::unexpected(error);
      }
      address = result->bound;  // Port 0 is allotted once; the others share it.
      opened[i].push_back(std::move(*result));
    }
  }
  co_return opened;
}

Task<void> Gateway::DropOpened(std::vector<std::vector<Worker::Opened>> opened) {
  for (std::size_t i = 0; i < opened.size(); ++i) {
    std::vector<Worker::Opened>* const mine = &opened[i];
    const auto drop = [mine] { mine->clear(); };
    co_await CallOn(control(), *world_.workers[i], drop);
  }
}

Task<void> Gateway::InstallEverywhere(std::shared_ptr<const Snapshot> snapshot,
                                      std::vector<std::vector<Worker::Opened>> opened) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker* const worker = workers_[i].get();
    std::vector<Worker::Opened>* const mine = &opened[i];
    const auto install = [worker, mine, &snapshot, this] {
      worker->SetAccessLog(access_log_);
      worker->SetTap(recordings_.target());
      worker->Install(snapshot, std::move(*mine));
    };
    co_await CallOn(control(), *world_.workers[i], install);
  }
}

Task<bool> Gateway::AllEmpty() {
  bool all = true;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    bool is_empty = false;
    Worker* const worker = workers_[i].get();
    const auto ask = [worker, &is_empty] { is_empty = worker->is_empty(); };
    co_await CallOn(control(), *world_.workers[i], ask);
    all = all && is_empty;
  }
  co_return all;
}

void Gateway::HurryDrain() {
  hurry_ = true;
  hurry_event_.Set();
}

Task<std::uint64_t> Gateway::Drain() {
  if (phase_ == Phase::kServing) phase_ = Phase::kDraining;
  co_await NothingApplying();
  if (registry_.current() == nullptr) co_return 0;
  phase_ = Phase::kDraining;
  const config::DrainConfig drain = registry_.current()->config.drain;
  Log(fmt::format("drain_started lame_duck_ms={}", drain.lame_duck.count() / 1'000'000));
  if (drain.lame_duck > Nanos(0) && !hurry_) {
    const bool hurried = co_await hurry_event_.Wait(control().now() + drain.lame_duck);
    hurry_ = hurry_ || hurried;
  }
  releases_.Stop();                                  // A successor has them now.
  if (world_.on_listeners) world_.on_listeners({});  // Before the workers let go, as in ApplyNow().
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker* const worker = workers_[i].get();
    const auto begin = [worker] { worker->BeginDrain(); };
    co_await CallOn(control(), *world_.workers[i], begin);
  }
  const SteadyTime until = SaturatingAdd(control().now(), drain.drain_timeout);
  bool is_empty = co_await AllEmpty();
  while (!is_empty && !hurry_ && control().now() < until) {
    const SteadyTime next = std::min(until, control().now() + kDrainCheckInterval);
    const bool hurried = co_await hurry_event_.Wait(next);
    hurry_ = hurry_ || hurried;
    is_empty = co_await AllEmpty();
  }
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::size_t killed = 0;
    Worker* const worker = workers_[i].get();
    const auto kill = [worker, &killed] { killed = worker->Kill(); };
    co_await CallOn(control(), *world_.workers[i], kill);
    drain_killed_ += killed;
  }
  Log(fmt::format("drain_finished killed={}", drain_killed_));
  co_return drain_killed_;
}

Task<void> Gateway::ForEachListener(std::function<void(Listener&)> visit) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker* const worker = workers_[i].get();
    if (worker == nullptr) continue;  // Stopped meanwhile.
    const auto each = [worker, &visit] { worker->ForEachListener(visit); };
    co_await CallOn(control(), *world_.workers[i], each);
  }
}

Task<void> Gateway::Stop() {
  co_await NothingApplying();
  phase_ = Phase::kStopped;
  breaker_watch_.Stop();
  learning_.Stop();
  releases_.Stop();
  overload_watch_.Stop();
  care_.RequestStop();
  co_await care_.Stopped();
  co_await releases_.Stopped();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::unique_ptr<Worker>* const worker = &workers_[i];
    const auto begin = [worker] {
      (*worker)->BeginDrain();
      (*worker)->Kill();
    };
    co_await CallOn(control(), *world_.workers[i], begin);
    bool is_retired = false;
    while (!is_retired) {
      const auto retire = [worker, &is_retired] {
        is_retired = (*worker)->is_retired();
        if (is_retired) worker->reset();
      };
      co_await CallOn(control(), *world_.workers[i], retire);
      if (!is_retired) co_await control().SleepUntil(control().now() + kDrainCheckInterval);
    }
  }
  recordings_.Close();
}

}  // namespace sluice::gateway
