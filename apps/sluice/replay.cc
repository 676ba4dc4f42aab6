#include "replay.h"

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exit_codes.h"
#include "open_recording.h"
#include "record_verbs.h"
#include "replay_report.h"
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/contract/event.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/process.h"
#include "sluice/platform/linux/signals.h"
#include "sluice/traffic/replay/replayer.h"
#include "sluice/wire/url.h"

namespace sluice::app {
namespace {

using traffic::replay::Replayer;
using traffic::replay::ReplayerOptions;
using traffic::replay::ReplayOutcome;
using traffic::replay::Schedule;
using traffic::replay::Writes;

constexpr Nanos kReplayProgressInterval = std::chrono::seconds(1);
constexpr Nanos kReplayResolveMax = std::chrono::seconds(5);

// What the options say, understood.
struct ReplayHow {
  ReplayerOptions replayer;
  Nanos patience{0};  // With a target where nobody listens.
};

// One replay: everything it needs, on one loop.
class ReplayRun {
 public:
  ReplayRun(const ReplayOptions& options,
            OpenRecording& open,
            platform::EpollLoop& loop,
            const ReplayHow& how)
      : options_(options), open_(open), loop_(loop), how_(how.replayer), patience_(how.patience) {}

  int Run(Schedule schedule) {
    loop_.Enter([this, &schedule] {
      Result<std::unique_ptr<platform::SignalWatcher>> signals =
          platform::SignalWatcher::Create(loop_, [this](int signal) { OnSignal(signal); });
      if (signals) signals_ = std::move(*signals);
      tasks_.Spawn(Main(std::move(schedule)));
    });
    loop_.Run();
    loop_.Enter([this] {
      signals_.reset();
      replayer_.reset();
    });
    return exit_code_;
  }

 private:
  void OnSignal(int signal) {
    if (signal != SIGINT && signal != SIGTERM) return;
    is_interrupted_ = true;
    if (replayer_ != nullptr) replayer_->Stop();
  }

  // A name is looked up once: a replay goes to one place.
  Task<Result<void>> FindTarget() {
    const Result<wire::HttpUrl> url = wire::ParseHttpUrl(options_.target);
    if (!url) co_return std::unexpected(url.error());
    if (url->is_https)
      co_return Fail(ErrorCode::kInvalidOption, "https targets are not available yet");
    if (!url->unix_path.empty()) {
      how_.target = Address::Unix(std::string(url->unix_path));
      co_return Result<void>();
    }
    std::string host(url->host);
    const SteadyTime deadline = loop_.now() + kReplayResolveMax;
    Result<Resolution> found = co_await loop_.resolver().Resolve(host, url->port, deadline);
    if (!found) co_return std::unexpected(std::move(found.error()));
    how_.target = found->addresses.front();
    co_return Result<void>();
  }

  Task<void> Main(Schedule schedule) {
    Result<void> ready = co_await FindTarget();
    if (ready) {
      replayer_ = std::make_unique<Replayer>(loop_, how_, [this](std::size_t index) {
        return open_.reader->Load(open_.list.entries[index].id);
      });
      ready = co_await replayer_->Probe(patience_);
    }
    if (!ready) {
      const bool is_usage = ready.error().code == ErrorCode::kInvalidOption;
      fmt::print(stderr, "sluice: {}: {}\n", options_.target, ready.error().detail);
      exit_code_ = is_interrupted_ ? kInterrupted : is_usage ? kUsage : kUnreachable;
      loop_.Stop();
      co_return;
    }
    if (::isatty(STDERR_FILENO) == 1) progress_.Spawn(ShowProgress());
    co_await replayer_->Run(std::move(schedule));
    done_.Set();
    co_await progress_.Drained();
    Report(replayer_->outcome());
    loop_.Stop();
  }

  Task<void> ShowProgress() {
    std::uint64_t sent_before = 0;
    bool is_done = false;
    while (!is_done) {
      is_done = co_await done_.Wait(loop_.now() + kReplayProgressInterval);
      const ReplayOutcome& now = replayer_->outcome();
      fmt::print(stderr,
                 "\r{:>8}/s  {} sent  {} in flight  lag p99 {:.2f} ms  latency p50 {:.2f} p99 "
                 "{:.2f} ms  {} failed ",
                 now.sent - sent_before, now.sent, replayer_->in_flight(),
                 static_cast<double>(now.lag.Quantile(0.99).count()) / 1e6,
                 static_cast<double>(now.latency.Quantile(0.5).count()) / 1e6,
                 static_cast<double>(now.latency.Quantile(0.99).count()) / 1e6, now.failed());
      sent_before = now.sent;
    }
    fmt::print(stderr, "\n");
  }

  void Report(const ReplayOutcome& outcome) {
    const ReplaySubject subject{.recording = options_.recording, .target = options_.target};
    fmt::print("{}", options_.json ? ReplayJson(subject, outcome) : ReplayText(subject, outcome));
    if (!options_.html.empty()) {
      const Result<void> written =
          platform::WriteFileAtomically(options_.html, ReplayHtml(subject, outcome));
      if (!written)
        fmt::print(stderr, "sluice: cannot write {}: {}\n", options_.html, written.error().detail);
    }
    if (is_interrupted_) {
      exit_code_ = kInterrupted;
    } else if (outcome.due == 0) {
      fmt::print(stderr, "sluice: nothing could be sent; writes need --allow-writes\n");
      exit_code_ = kUsage;
    } else if (outcome.answered == 0) {
      exit_code_ = kUnreachable;
    }
  }

  const ReplayOptions& options_;
  OpenRecording& open_;
  platform::EpollLoop& loop_;
  ReplayerOptions how_;
  Nanos patience_;
  TaskGroup tasks_;
  TaskGroup progress_;  // Ends before the loop does: it sleeps on it.
  Event done_{loop_};   // Wakes the progress for the last time.
  std::unique_ptr<platform::SignalWatcher> signals_;
  std::unique_ptr<Replayer> replayer_;
  bool is_interrupted_ = false;
  int exit_code_ = kSuccess;
};

Result<ReplayHow> HowOf(const ReplayOptions& options) {
  ReplayHow result;
  ReplayerOptions& how = result.replayer;
  how = {.in_flight_max = static_cast<std::size_t>(options.in_flight_max),
         .preserve_connections = options.preserve_connections,
         .rewrite = {.writes = options.allow_writes ? Writes::kAllow : Writes::kRefuse,
                     .host = options.host,
                     .drop_headers = options.drop_headers}};
  const std::optional<Nanos> timeout = gateway::config::ReadDuration(options.timeout);
  if (!timeout || *timeout <= Nanos(0))
    return Fail(ErrorCode::kInvalidOption, "--timeout must be a duration such as 30s");
  how.timeout = *timeout;
  const std::optional<Nanos> patience = gateway::config::ReadDuration(options.connect_timeout);
  if (!patience || *patience < Nanos(0))
    return Fail(ErrorCode::kInvalidOption, "--connect-timeout must be a duration such as 10s");
  result.patience = *patience;
  for (const std::string& header : options.set_headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || header.find_first_of("\r\n") != std::string::npos)
      return Fail(ErrorCode::kInvalidOption, "--header must be \"name: value\"");
    const std::size_t value = header.find_first_not_of(' ', colon + 1);
    how.rewrite.set_headers.emplace_back(
        header.substr(0, colon), value == std::string::npos ? std::string() : header.substr(value));
  }
  return result;
}

}  // namespace

int Replay(const ReplayOptions& options) {
  const Result<ReplayHow> how = HowOf(options);
  std::expected<OpenRecording, int> open = OpenAndList(options.recording, options.filter);
  if (!open) return open.error();
  std::vector<WallTime> begun;
  for (const traffic::archive::RecordingEntry& entry : open->list.entries)
    begun.push_back(entry.started);
  Result<Schedule> schedule =
      Schedule::Create(begun, {.speed = options.speed,
                               .rate_per_second = options.rate,
                               .loops = static_cast<std::uint64_t>(options.loops)});
  if (!how || !schedule) {
    fmt::print(stderr, "sluice: {}\n", how ? schedule.error().detail : how.error().detail);
    return kUsage;
  }
  if (begun.empty()) {
    fmt::print(stderr, "sluice: no exchange to send\n");
    return kUsage;
  }
  platform::BlockSignals();
  const Result<std::uint64_t> files = platform::RaiseFileLimit();
  static_cast<void>(files);  // Then fewer connections are open at once.
  Result<std::unique_ptr<platform::EpollLoop>> loop = platform::EpollLoop::Create();
  if (!loop) {
    fmt::print(stderr, "sluice: {}\n", loop.error().detail);
    return kUnreachable;
  }
  ReplayRun run(options, *open, **loop, *how);
  return run.Run(std::move(*schedule));
}

void AddReplay(CLI::App& app, ReplayOptions& options, int& exit_code) {
  CLI::App* replay = app.add_subcommand("replay", "Send a recording to a target, at its times");
  replay->add_option("--recording", options.recording, "The recording")->required();
  replay->add_option("--target", options.target, "http://host:port or http://unix:/path")
      ->required();
  AddFilter(*replay, options.filter);
  replay->add_option("--speed", options.speed, "So many times faster than recorded")
      ->check(CLI::Range(0.001, 1000.0));
  replay
      ->add_option("--rate", options.rate, "Evenly, so many a second; recorded times do not count")
      ->check(CLI::Range(0.0, 1e7));
  replay->add_option("--loop", options.loops, "So many times; 0: until interrupted")
      ->check(CLI::Range(0LL, 1'000'000LL));
  replay->add_option("--timeout", options.timeout, "Of one request, from its due time");
  replay->add_option("--connect-timeout", options.connect_timeout,
                     "How long to wait for a target that is down");
  replay->add_option("--max-in-flight", options.in_flight_max, "Beyond it requests are given up")
      ->check(CLI::Range(1LL, 100'000LL));
  replay->add_flag("--preserve-connections", options.preserve_connections,
                   "One connection for each recorded one, its requests in their order");
  replay->add_flag("--allow-writes", options.allow_writes,
                   "Send POST, PUT, DELETE, … too: they change what the target keeps");
  replay->add_option("--host-header", options.host, "Instead of the recorded one");
  replay->add_option("--header", options.set_headers, "\"name: value\": replaces or adds a field");
  replay->add_option("--drop-header", options.drop_headers, "Leaves a field out");
  replay->add_flag("--json", options.json, "The report for machines");
  replay->add_option("--html", options.html, "The report with charts, into this file");
  replay->callback([&options, &exit_code] { exit_code = Replay(options); });
}

}  // namespace sluice::app
