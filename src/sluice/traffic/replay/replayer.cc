#include "sluice/traffic/replay/replayer.h"

#include <algorithm>
#include <span>
#include <utility>

namespace sluice::traffic::replay {
namespace {

constexpr std::size_t kIdleMax = 1024;
constexpr Nanos kProbeInterval = std::chrono::milliseconds(100);

Failure FailureOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kTimeout:
    case ErrorCode::kUpstreamTimeout:
      return Failure::kTimeout;
    case ErrorCode::kBadResponse:
      return Failure::kMalformed;
    case ErrorCode::kConnectFailed:
    case ErrorCode::kOutOfDescriptors:
      return Failure::kConnect;
    default:
      return Failure::kClosed;
  }
}

std::size_t ClassOf(int status) {
  return status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100) : 0;
}

}  // namespace

std::string_view NameOf(Failure failure) {
  switch (failure) {
    case Failure::kConnect:
      return "connect";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kClosed:
      return "closed";
    case Failure::kMalformed:
      return "malformed";
    case Failure::kOverflow:
      return "overflow";
    case Failure::kUnreadable:
      return "unreadable";
  }
  return "unknown";
}

std::uint64_t ReplayOutcome::failed() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : failures)
    sum += count;
  return sum;
}

Replayer::Replayer(Loop& loop, const ReplayerOptions& options, Load load)
    : loop_(loop), options_(options), load_(std::move(load)), wake_(loop) {}

Replayer::~Replayer() = default;

Task<Result<std::unique_ptr<Connection>>> Replayer::Connect(SteadyTime deadline) {
  Result<std::unique_ptr<Stream>> stream = co_await loop_.Connect(options_.target, deadline);
  if (!stream) {
    // Waiting for a connection is not waiting for an answer.
    Error error = std::move(stream.error());
    if (error.code == ErrorCode::kTimeout) error.code = ErrorCode::kConnectFailed;
    co_return std::unexpected(std::move(error));
  }
  const ConnectionLimits limits;
  co_return std::make_unique<Connection>(loop_, std::move(*stream), limits);
}

Task<Result<void>> Replayer::Probe(Nanos patience) {
  const SteadyTime give_up = SaturatingAdd(loop_.now(), patience);
  for (;;) {
    const SteadyTime deadline = SaturatingAdd(loop_.now(), options_.timeout);
    Result<std::unique_ptr<Connection>> connection = co_await Connect(deadline);
    if (connection) {
      idle_.push_back(std::move(*connection));
      co_return Result<void>();
    }
    const SteadyTime again = loop_.now() + kProbeInterval;
    if (again > give_up) co_return std::unexpected(std::move(connection.error()));
    while (!is_stopped_ && loop_.now() < again) {
      const bool was_woken = co_await wake_.Wait(again);
      static_cast<void>(was_woken);
    }
    if (is_stopped_) co_return Fail(ErrorCode::kCancelled, "stopped");
  }
}

std::unique_ptr<Replayer::Job> Replayer::Prepare(const Planned& planned) {
  auto job = std::make_unique<Job>();
  job->due = SaturatingAdd(start_, planned.due);
  const auto second = static_cast<std::size_t>(planned.due / std::chrono::seconds(1));
  job->second = std::min(second, ReplayOutcome::kSecondsMax - 1);
  const Result<wire::recording::RecordedExchange> exchange = load_(planned.index);
  if (!exchange) {
    CountFailure(*job, Failure::kUnreadable);
    return nullptr;
  }
  job->request = PrepareRequest(*exchange, options_.rewrite);
  if (job->request.skip != Skip::kNone) {
    ++outcome_.skipped[static_cast<std::size_t>(job->request.skip)];
    return nullptr;
  }
  job->connection = exchange->connection;
  job->recorded_status = exchange->status;
  job->recorded_duration = exchange->duration;
  return job;
}

Task<void> Replayer::Run(Schedule schedule) {
  start_ = loop_.now();
  while (!is_stopped_) {
    const std::optional<Planned> planned = schedule.Next();
    if (!planned) break;
    std::unique_ptr<Job> job = Prepare(*planned);
    if (job == nullptr) continue;
    while (!is_stopped_ && loop_.now() < job->due) {
      const bool was_woken = co_await wake_.Wait(job->due);
      static_cast<void>(was_woken);
    }
    if (is_stopped_) break;
    Dispatch(std::move(job));
  }
  co_await tasks_.Drained();
  idle_.clear();
  lanes_.clear();
  outcome_.length = loop_.now() - start_;
}

void Replayer::Stop() {
  is_stopped_ = true;
  wake_.Set();
}

void Replayer::Dispatch(std::unique_ptr<Job> job) {
  ++outcome_.due;
  ++SecondOf(*job).due;
  if (in_flight_ >= options_.in_flight_max) {
    CountFailure(*job, Failure::kOverflow);
    return;
  }
  ++in_flight_;
  if (!options_.preserve_connections || job->connection == 0) {
    tasks_.Spawn(RunJob(std::move(job), nullptr));
    return;
  }
  const std::uint64_t id = job->connection;
  Lane& lane = lanes_[id];
  lane.waiting.push_back(std::move(job));
  if (lane.is_running) return;
  lane.is_running = true;
  tasks_.Spawn(RunLane(id));
}

Task<void> Replayer::RunLane(std::uint64_t id) {
  Lane& lane = lanes_[id];  // Nodes of a map stay where they are.
  while (!lane.waiting.empty()) {
    std::unique_ptr<Job> job = std::move(lane.waiting.front());
    lane.waiting.erase(lane.waiting.begin());
    co_await RunJob(std::move(job), &lane.connection);
  }
  lane.is_running = false;
}

std::unique_ptr<Connection> Replayer::TakeIdle() {
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (!connection->stream().MaybeReadable()) return connection;
  }
  return nullptr;
}

Task<void> Replayer::RunJob(std::unique_ptr<Job> job, std::unique_ptr<Connection>* kept) {
  std::unique_ptr<Connection> connection;
  if (kept != nullptr) {
    connection = std::move(*kept);
    // The server has closed it meanwhile, or said something that nobody asked for.
    if (connection != nullptr && connection->stream().MaybeReadable()) connection.reset();
  } else {
    connection = TakeIdle();
  }
  const bool is_reused = connection != nullptr;
  Result<void> result = co_await SendOn(connection, *job);
  const bool is_stale = !result && is_reused && connection != nullptr &&
                        !connection->response_begun() &&
                        FailureOf(result.error()) == Failure::kClosed;
  if (is_stale && wire::IsSafe(job->request.method)) {
    // The race with the server's idle timeout says nothing of the server.
    connection.reset();
    result = co_await SendOn(connection, *job);
  }
  --in_flight_;
  Count(*job, result);
  if (connection == nullptr || !connection->reusable()) co_return;
  if (kept != nullptr) {
    *kept = std::move(connection);
  } else if (idle_.size() < kIdleMax) {
    idle_.push_back(std::move(connection));
  }
}

Task<Result<void>> Replayer::SendOn(std::unique_ptr<Connection>& connection, Job& job) {
  if (connection == nullptr) {
    const SteadyTime deadline = SaturatingAdd(job.due, options_.timeout);
    Result<std::unique_ptr<Connection>> connected = co_await Connect(deadline);
    if (!connected) co_return std::unexpected(std::move(connected.error()));
    connection = std::move(*connected);
  }
  Result<void> done = co_await Exchange(*connection, job);
  co_return done;
}

Task<Result<void>> Replayer::Exchange(Connection& connection, Job& job) {
  const SteadyTime deadline = SaturatingAdd(job.due, options_.timeout);
  connection.Begin();
  ++outcome_.sent;
  outcome_.lag.Add(loop_.now() - job.due);
  const std::array<ByteView, 1> segments = {job.request.bytes};
  const std::span<const ByteView> list(segments);
  Result<void> sent = co_await connection.stream().Send(list, deadline);
  if (!sent) co_return sent;
  connection.MarkRequestSent();
  Result<void> head = co_await connection.ReceiveHead(job.request.method, deadline);
  if (!head) co_return head;
  job.status = connection.head().status;
  ByteView input = connection.leftover();
  while (!connection.decoder().finished()) {
    while (!input.empty() && !connection.decoder().finished()) {
      const Result<wire::BodyPiece> piece = connection.Decode(input);
      if (!piece) co_return std::unexpected(piece.error());
      outcome_.response_bytes += piece->data.size();
    }
    if (connection.decoder().finished()) break;
    connection.ReleaseLeftover();
    const Result<ByteView> got = co_await connection.stream().Receive(deadline);
    if (!got) co_return std::unexpected(got.error());
    if (got->empty()) {
      Result<void> ended = connection.decoder().FinishAtClose();
      connection.ForbidReuse();
      co_return ended;
    }
    input = *got;
  }
  connection.ReleaseLeftover();
  co_return Result<void>();
}

ReplaySecond& Replayer::SecondOf(const Job& job) {
  if (outcome_.seconds.size() <= job.second) outcome_.seconds.resize(job.second + 1);
  return outcome_.seconds[job.second];
}

void Replayer::CountFailure(const Job& job, Failure failure) {
  ++outcome_.failures[static_cast<std::size_t>(failure)];
  ++SecondOf(job).failed;
}

void Replayer::Count(Job& job, const Result<void>& result) {
  if (!result) {
    CountFailure(job, FailureOf(result.error()));
    return;
  }
  const Nanos latency = loop_.now() - job.due;
  ++outcome_.answered;
  ++outcome_.by_class[ClassOf(job.status)];
  if (ClassOf(job.status) != ClassOf(job.recorded_status)) ++outcome_.other_class;
  outcome_.latency.Add(latency);
  outcome_.recorded.Add(job.recorded_duration);
  ReplaySecond& second = SecondOf(job);
  ++second.answered;
  second.latency_sum += latency;
  second.latency_max = std::max(second.latency_max, latency);
}

}  // namespace sluice::traffic::replay
