#include "load/load_run.h"

#include <algorithm>
#include <utility>

namespace sluice::load {
namespace {

constexpr std::size_t kLatencySamplesMax = 4'000'000;
constexpr Nanos kHouseKeepingInterval = std::chrono::milliseconds(10);

}  // namespace

LoadRun::LoadRun(Poller& poller, LoadOptions options, OutcomeLog* outcomes)
    : poller_(poller),
      options_(std::move(options)),
      outcomes_(outcomes),
      chance_(options_.seed),
      tally_(kLatencySamplesMax) {
  if (options_.rate_per_second > 0) {
    interval_ = Nanos(static_cast<std::int64_t>(1e9 / options_.rate_per_second));
  }
  clients_.reserve(static_cast<std::size_t>(options_.connections));
  for (std::int64_t i = 0; i < options_.connections; ++i) {
    clients_.push_back(std::make_unique<Client>(poller_, options_.client, *this));
    down_.push_back(clients_.back().get());
  }
}

LoadRun::~LoadRun() = default;

Result<LoadResult> LoadRun::Execute(const bool& stop) {
  SteadyTime now = Now();
  next_due_ = now;
  phase_ends_ = now + options_.warmup;
  while (phase_ != Phase::kDone) {
    const Result<void> advanced = Advance(now, stop);
    if (!advanced) return std::unexpected(advanced.error());
    if (now >= next_house_keeping_) KeepHouse(now);
    IssueDue(now);
    poller_.Wait(options_.spins ? Nanos(0) : WaitFor(now));
    now = Now();
  }
  FailUnfinished();
  return result_;
}

Result<void> LoadRun::Advance(SteadyTime now, bool stop) {
  if (stop && phase_ < Phase::kDraining) {
    result_.stopped = true;
    phase_ends_ = now;
  }
  if (phase_ == Phase::kWarming && now >= phase_ends_) return StartMeasuring(now);
  if (phase_ == Phase::kMeasuring) {
    const bool all_sent = options_.requests_max > 0 && result_.begun >= options_.requests_max;
    if (now >= phase_ends_ || (all_sent && in_flight_ == 0)) return StopMeasuring(now);
  }
  if (phase_ == Phase::kDraining && (in_flight_ == 0 || now >= phase_ends_)) phase_ = Phase::kDone;
  return {};
}

Result<void> LoadRun::StartMeasuring(SteadyTime now) {
  const Result<CpuUse> cpu = ReadCpuUse(options_.cpu_of);
  if (!cpu) return std::unexpected(cpu.error());
  cpu_before_ = *cpu;
  tally_.StartMeasuring();
  phase_ = Phase::kMeasuring;
  measuring_since_ = now;
  phase_ends_ = now + options_.duration;
  return {};
}

Result<void> LoadRun::StopMeasuring(SteadyTime now) {
  const Result<CpuUse> cpu = ReadCpuUse(options_.cpu_of);
  if (!cpu) return std::unexpected(cpu.error());
  result_.cpu = *cpu - cpu_before_;
  result_.measured_time = now - measuring_since_;
  tally_.StopMeasuring();
  phase_ = Phase::kDraining;
  phase_ends_ = now + options_.grace;
  return {};
}

bool LoadRun::may_issue() const {
  if (phase_ >= Phase::kDraining) return false;
  return options_.requests_max == 0 || result_.begun < options_.requests_max;
}

void LoadRun::IssueDue(SteadyTime now) {
  if (interval_ == Nanos(0)) return;
  while (next_due_ <= now && !idle_.empty() && may_issue()) {
    Client& client = *idle_.front();
    idle_.pop_front();
    // The target closed it meanwhile: it stands in `down_` too, and comes back from there.
    if (!client.idle()) continue;
    Issue(client, next_due_);
    next_due_ += NextInterval();
  }
}

Nanos LoadRun::NextInterval() {
  if (options_.arrivals == Arrivals::kEven) return interval_;
  std::exponential_distribution<double> gap(1 / static_cast<double>(interval_.count()));
  return Nanos(static_cast<std::int64_t>(gap(chance_)));
}

void LoadRun::Issue(Client& client, SteadyTime due) {
  ++in_flight_;
  const auto number = static_cast<std::uint64_t>(result_.begun++);
  client.Send(number, due);
}

void LoadRun::Connect(Client& client) {
  ++result_.connects;
  client.Connect();
}

// Reconnects what went down and gives up what takes too long.
void LoadRun::KeepHouse(SteadyTime now) {
  next_house_keeping_ = now + kHouseKeepingInterval;
  std::deque<Client*> down;
  std::swap(down, down_);
  for (Client* client : down) {
    if (phase_ < Phase::kDraining) Connect(*client);
  }
  for (const std::unique_ptr<Client>& client : clients_) {
    const bool busy = client->waiting() || client->connecting();
    if (busy && now - client->since() > options_.request_timeout) client->Abort(Failure::kTimeout);
  }
}

void LoadRun::FailUnfinished() {
  for (const std::unique_ptr<Client>& client : clients_) {
    if (client->waiting()) client->Abort(Failure::kUnfinished);
  }
}

Nanos LoadRun::WaitFor(SteadyTime now) const {
  SteadyTime until = std::min(phase_ends_, next_house_keeping_);
  if (interval_ > Nanos(0) && !idle_.empty() && may_issue()) until = std::min(until, next_due_);
  return std::max(until - now, Nanos(0));
}

void LoadRun::OnIdle(Client& client) {
  if (interval_ > Nanos(0)) return idle_.push_back(&client);
  if (may_issue()) Issue(client, Now());
}

void LoadRun::OnAnswer(Client& client, int status, Nanos latency) {
  --in_flight_;
  tally_.CountAnswer(status, latency);
  if (outcomes_ == nullptr) return;
  outcomes_->NoteAnswer({.number = client.number(), .due = client.due(), .latency = latency},
                        status);
}

void LoadRun::OnFailure(Client& client, Failure failure) {
  if (failure != Failure::kConnect) --in_flight_;
  tally_.CountFailure(failure);
  if (outcomes_ == nullptr || !client.waiting()) return;
  const Nanos latency = Now() - client.due();
  outcomes_->NoteFailure({.number = client.number(), .due = client.due(), .latency = latency},
                         failure);
}

void LoadRun::OnDown(Client& client, Closing why) {
  if (why == Closing::kIdle) ++result_.closed_idle;
  if (why == Closing::kAnnounced) {
    ++result_.closed_announced;
    if (phase_ < Phase::kDraining) return Connect(client);
  }
  // The rest waits for KeepHouse(): a target that refuses everybody must not be hammered.
  down_.push_back(&client);
}

}  // namespace sluice::load
