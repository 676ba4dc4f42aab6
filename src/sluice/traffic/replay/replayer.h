// Replayer: sends recorded requests at their times, and measures from when they were due.
//
// Open loop: a request is sent when it is due, whatever became of those before it; so a target that
// falls behind cannot slow the load that shows it (no coordinated omission). Connections are kept
// and used again; with `preserve_connections` each recorded connection is one connection here,
// whose requests follow one another as they did.
//
// Belongs to one loop. The caller's `load` may block for a moment: it is called ahead, while the
// next request is not yet due.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/event.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/traffic/connection.h"
#include "sluice/traffic/replay/latency_summary.h"
#include "sluice/traffic/replay/replay_request.h"
#include "sluice/traffic/replay/schedule.h"

namespace sluice::traffic::replay {

struct ReplayerOptions {
  Address target;
  Nanos timeout = std::chrono::seconds(30);  // Of one request, from its due time.
  std::size_t in_flight_max = 4096;  // Beyond it requests are given up, counted as `overflow`.
  bool preserve_connections = false;
  RewriteOptions rewrite;
};

// What went wrong with a request that was due.
enum class Failure : std::uint8_t {
  kConnect,
  kTimeout,
  kClosed,
  kMalformed,
  kOverflow,
  kUnreadable
};
inline constexpr std::size_t kFailureCount = 6;
[[nodiscard]] std::string_view NameOf(Failure failure);

// One second of the replay, by due times.
struct ReplaySecond {
  std::uint64_t due = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  Nanos latency_max{0};
  Nanos latency_sum{0};
};

struct ReplayOutcome {
  std::uint64_t due = 0;  // That were to be sent.
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;  // Whole.
  std::array<std::uint64_t, kSkipCount> skipped{};
  std::array<std::uint64_t, kFailureCount> failures{};
  std::array<std::uint64_t, 6> by_class{};  // 1xx … 5xx; [0]: other.
  std::uint64_t other_class = 0;            // Answered with another class than was recorded.
  std::uint64_t response_bytes = 0;
  LatencySummary latency;             // From the due time to the last byte.
  LatencySummary recorded;            // Of the same requests, when they were recorded.
  LatencySummary lag;                 // From the due time to the send.
  Nanos length{0};                    // From the start to the last answer.
  std::vector<ReplaySecond> seconds;  // At most kSecondsMax; later ones add to the last.

  static constexpr std::size_t kSecondsMax = 86'400;
  [[nodiscard]] std::uint64_t failed() const;
};

class Replayer {
 public:
  // What is sent: request `index` of the schedule. A failure counts as kUnreadable.
  using Load = std::function<Result<wire::recording::RecordedExchange>(std::size_t index)>;

  Replayer(Loop& loop, const ReplayerOptions& options, Load load);
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;
  ~Replayer();

  // Whether anybody listens at the target; asked again for as long as `patience`, for a target that
  // is still starting. Fails with the last error, kConnectFailed, or kCancelled after Stop().
  [[nodiscard]] Task<Result<void>> Probe(Nanos patience = Nanos(0));

  // Sends everything; returns when the last answer is there. Once.
  [[nodiscard]] Task<void> Run(Schedule schedule);

  // Sends nothing more; Run() returns when what is in flight has ended.
  void Stop();

  // Also while it runs.
  [[nodiscard]] const ReplayOutcome& outcome() const { return outcome_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  struct Job {
    ReplayRequest request;
    SteadyTime due{};
    std::size_t second = 0;
    std::uint64_t connection = 0;
    int recorded_status = 0;
    int status = 0;
    Nanos recorded_duration{0};
  };
  // Requests of one recorded connection, one after the other.
  struct Lane {
    std::vector<std::unique_ptr<Job>> waiting;
    std::unique_ptr<Connection> connection;  // Kept for as long as the replay goes on.
    bool is_running = false;
  };

  [[nodiscard]] std::unique_ptr<Job> Prepare(const Planned& planned);
  void Dispatch(std::unique_ptr<Job> job);
  [[nodiscard]] Task<void> RunLane(std::uint64_t id);
  // On `kept`, or on any connection where it is null.
  [[nodiscard]] Task<void> RunJob(std::unique_ptr<Job> job, std::unique_ptr<Connection>* kept);
  [[nodiscard]] Task<Result<void>> SendOn(std::unique_ptr<Connection>& connection, Job& job);
  [[nodiscard]] Task<Result<void>> Exchange(Connection& connection, Job& job);
  [[nodiscard]] Task<Result<std::unique_ptr<Connection>>> Connect(SteadyTime deadline);
  [[nodiscard]] std::unique_ptr<Connection> TakeIdle();
  ReplaySecond& SecondOf(const Job& job);
  void Count(Job& job, const Result<void>& result);
  void CountFailure(const Job& job, Failure failure);

  Loop& loop_;
  ReplayerOptions options_;
  Load load_;
  ReplayOutcome outcome_;
  SteadyTime start_{};
  TaskGroup tasks_;
  Event wake_;
  bool is_stopped_ = false;
  std::size_t in_flight_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::map<std::uint64_t, Lane> lanes_;
};

}  // namespace sluice::traffic::replay
