#include "warmup.h"

#include <csignal>
#include <memory>
#include <optional>
#include <utility>

#include "credential_hook.h"
#include "exit_codes.h"
#include "warmup_text.h"
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/contract/event.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/process.h"
#include "sluice/platform/linux/signals.h"
#include "sluice/platform/linux/worker_pool.h"
#include "sluice/warmup/load_corpus.h"
#include "sluice/warmup/report_json.h"
#include "sluice/warmup/warmer.h"
#include "sluice/wire/url.h"

namespace sluice::app {
namespace {

using warmup::Corpus;
using warmup::CorpusOptions;
using warmup::LoadedCorpus;
using warmup::Outcome;
using warmup::Warmer;
using warmup::WarmupOptions;
using warmup::WarmupReport;

constexpr Nanos kProgressInterval = std::chrono::milliseconds(500);
constexpr Nanos kResolveMax = std::chrono::seconds(5);

int ExitCodeOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kWarm:
    case Outcome::kSteadyUnreferenced:
      return kSuccess;
    case Outcome::kUnreachable:
      return kUnreachable;
    case Outcome::kNotWarmed:
    case Outcome::kNoCorpus:
      return kHeld;
    case Outcome::kStopped:
      return kInterrupted;
    case Outcome::kRunning:
    case Outcome::kFailed:
    case Outcome::kTooSlow:
      break;
  }
  return kCheckFailed;
}

// One warm-up: everything it needs, on one loop.
class WarmupRun {
 public:
  WarmupRun(const WarmupVerb& verb,
            const WarmupOptions& options,
            const Corpus& corpus,
            platform::EpollLoop& loop,
            WorkerPool& pool)
      : verb_(verb), options_(options), corpus_(corpus), loop_(loop) {
    if (!verb.credential_hook.empty()) hook_.emplace(loop, pool, verb.credential_hook);
  }

  int Run() {
    loop_.Enter([this] {
      Result<std::unique_ptr<platform::SignalWatcher>> signals =
          platform::SignalWatcher::Create(loop_, [this](int signal) { OnSignal(signal); });
      if (signals) signals_ = std::move(*signals);
      tasks_.Spawn(Main());
    });
    loop_.Run();
    loop_.Enter([this] {
      signals_.reset();
      warmer_.reset();
    });
    return exit_code_;
  }

 private:
  void OnSignal(int signal) {
    if (signal != SIGINT && signal != SIGTERM) return;
    is_stopped_ = true;
    if (warmer_ != nullptr) warmer_->Stop();
  }

  // A name is looked up once: a warm-up goes to one instance.
  Task<Result<Address>> FindTarget() {
    const Result<wire::HttpUrl> url = wire::ParseHttpUrl(verb_.target);
    if (!url) co_return std::unexpected(url.error());
    if (url->is_https)
      co_return Fail(ErrorCode::kInvalidOption, "https targets are not available yet");
    if (!url->unix_path.empty()) co_return Address::Unix(std::string(url->unix_path));
    std::string host(url->host);
    const SteadyTime deadline = loop_.now() + kResolveMax;
    Result<Resolution> found = co_await loop_.resolver().Resolve(host, url->port, deadline);
    if (!found) co_return std::unexpected(std::move(found.error()));
    co_return found->addresses.front();
  }

  Task<void> Main() {
    const Result<Address> target = co_await FindTarget();
    if (!target) {
      const bool is_usage = target.error().code == ErrorCode::kInvalidOption;
      fmt::print(stderr, "sluice: {}: {}\n", verb_.target, target.error().detail);
      exit_code_ = is_usage ? kUsage : kUnreachable;
      loop_.Stop();
      co_return;
    }
    warmup::CredentialSource* source = hook_ ? &*hook_ : nullptr;
    warmer_ = std::make_unique<Warmer>(loop_, *target, options_, corpus_, source);
    if (is_stopped_) warmer_->Stop();
    if (::isatty(STDERR_FILENO) == 1) progress_.Spawn(ShowProgress());
    co_await warmer_->Run();
    done_.Set();
    co_await progress_.Drained();
    const WarmupReport& report = warmer_->report();
    fmt::print("{}",
               verb_.json ? warmup::ReportJson(report) + "\n" : WarmupText(verb_.target, report));
    exit_code_ = ExitCodeOf(report.outcome);
    if (exit_code_ == kUnreachable)
      fmt::print(stderr, "sluice: {}: {}\n", verb_.target, report.reason);
    loop_.Stop();
  }

  Task<void> ShowProgress() {
    for (;;) {
      const bool is_done = co_await done_.Wait(loop_.now() + kProgressInterval);
      if (is_done) break;
      fmt::print(stderr, "\r\x1b[K{}", WarmupProgress(warmer_->report()));
    }
    fmt::print(stderr, "\r\x1b[K");
  }

  const WarmupVerb& verb_;
  const WarmupOptions& options_;
  const Corpus& corpus_;
  platform::EpollLoop& loop_;
  std::optional<CredentialHook> hook_;
  TaskGroup tasks_;
  TaskGroup progress_;  // Ends before the loop does: it sleeps on it.
  Event done_{loop_};   // Wakes the progress for the last time.
  std::unique_ptr<platform::SignalWatcher> signals_;
  std::unique_ptr<Warmer> warmer_;
  bool is_stopped_ = false;
  int exit_code_ = kSuccess;
};

Result<WarmupOptions> OptionsOf(const WarmupVerb& verb) {
  const std::optional<Nanos> timeout = gateway::config::ReadDuration(verb.timeout);
  const std::optional<Nanos> connect = gateway::config::ReadDuration(verb.connect_timeout);
  if (!timeout || !connect)
    return Fail(ErrorCode::kInvalidOption, "--timeout and --connect-timeout are such as 30s");
  WarmupOptions options{.timeout = *timeout,
                        .connect_timeout = *connect,
                        .target_requests = static_cast<std::uint64_t>(verb.target_requests),
                        .concurrency_max = static_cast<std::size_t>(verb.concurrency_max),
                        .rate_per_second = verb.rate,
                        .host = verb.host,
                        .boot_id_header = verb.boot_id_header};
  options.detect.level_ratio = verb.level_ratio;
  const Result<void> checked = CheckOptions(options, "warmup");
  if (!checked) return std::unexpected(checked.error());
  return options;
}

// The exit code, after saying on stderr what is wrong.
std::expected<Corpus, int> CorpusOf(const WarmupVerb& verb) {
  CorpusOptions options{.upstream = verb.upstream,
                        .safety = {.safe_posts = verb.safe_posts,
                                   .safe_gets = verb.safe_gets,
                                   .has_credentials = !verb.credential_hook.empty()}};
  Result<LoadedCorpus> loaded = warmup::LoadCorpus(verb.recording, options);
  if (!loaded) {
    fmt::print(stderr, "sluice: {}\n", loaded.error().detail);
    return std::unexpected(kUsage);
  }
  if (loaded->unreadable > 0) {
    fmt::print(stderr, "sluice: {}: at least {} exchanges cannot be read:\n", verb.recording,
               loaded->unreadable);
    for (const std::string& problem : loaded->problems)
      fmt::print(stderr, "  {}\n", problem);
  }
  return std::move(loaded->corpus);
}

}  // namespace

int Warmup(const WarmupVerb& verb) {
  const Result<WarmupOptions> options = OptionsOf(verb);
  if (!options) {
    fmt::print(stderr, "sluice: {}\n", options.error().detail);
    return kUsage;
  }
  const std::expected<Corpus, int> corpus = CorpusOf(verb);
  if (!corpus) return corpus.error();
  platform::BlockSignals();
  Result<std::unique_ptr<platform::EpollLoop>> loop = platform::EpollLoop::Create();
  if (!loop) {
    fmt::print(stderr, "sluice: {}\n", loop.error().detail);
    return kUnreachable;
  }
  Result<std::unique_ptr<platform::WorkerPool>> pool =
      platform::WorkerPool::Start({.name = "hook", .workers = 1, .queue_max = 1});
  if (!pool) {
    fmt::print(stderr, "sluice: {}\n", pool.error().detail);
    return kUnreachable;
  }
  WarmupRun run(verb, *options, *corpus, **loop, **pool);
  return run.Run();
}

void AddWarmup(CLI::App& app, WarmupVerb& verb, int& exit_code) {
  CLI::App* warmup = app.add_subcommand(
      "warmup", "Send a recording to an instance until it is warm, and say whether it is");
  warmup->add_option("--recording", verb.recording, "The recording")->required();
  warmup->add_option("--target", verb.target, "http://host:port or http://unix:/path")->required();
  warmup->add_option("--upstream", verb.upstream, "Only what this upstream was asked");
  warmup->add_option("--timeout", verb.timeout, "After that it is not warm")
      ->default_str(verb.timeout);
  warmup->add_option("--connect-timeout", verb.connect_timeout, "Until it accepts connections")
      ->default_str(verb.connect_timeout);
  warmup
      ->add_option("--target-requests", verb.target_requests,
                   "At least so many; 0: 200, or 5000 where it is slow at first")
      ->check(CLI::Range(0LL, 1'000'000LL));
  warmup->add_option("--max-concurrency", verb.concurrency_max, "At most so many at once")
      ->check(CLI::Range(1LL, 1024LL));
  warmup->add_option("--rate", verb.rate, "Requests a second it is to hold; 0: as recorded")
      ->check(CLI::Range(0.0, 1e6));
  warmup->add_option("--level-ratio", verb.level_ratio,
                     "Warm is at most so many times the recorded median");
  warmup->add_option("--safe-post", verb.safe_posts,
                     "A route, or the beginning of a path, whose writes only read");
  warmup->add_option("--safe-get", verb.safe_gets,
                     "The same for GETs that look as if they did something");
  warmup->add_option("--credential-hook", verb.credential_hook,
                     "A command that prints \"name: value\" lines or a bearer token");
  warmup->add_option("--host-header", verb.host, "Instead of the recorded one");
  warmup->add_option("--boot-id-header", verb.boot_id_header,
                     "Of answers: tells one process from the next");
  warmup->add_flag("--json", verb.json, "The report for machines");
  warmup->callback([&verb, &exit_code] { exit_code = Warmup(verb); });
}

}  // namespace sluice::app
