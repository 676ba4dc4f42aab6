// sluice-load: HTTP/1.1 clients and their upstream in one thread, checking every byte.
//
//   sluice-load --serve 127.0.0.1:0                        an upstream, until SIGTERM
//   sluice-load --target 127.0.0.1:8080 --seconds 5        clients of a gateway
//   sluice-load --serve … --target … --spin --rate 10000   both: what bench/proxy measures with
//
// Prints {"listening": …} first when it serves, and its report as the last line. Exit codes: 0 all
// requests answered with 2xx, 1 some failed, 2 usage, 3 a socket or a measured process is missing.

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/file_descriptor.h"
#include "load/load_run.h"
#include "load/outcome_log.h"
#include "load/poller.h"
#include "load/report.h"
#include "load/service_line.h"
#include "load/sockets.h"
#include "load/upstream.h"
#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

namespace sluice::load {
namespace {

constexpr int kPidMax = 1 << 22;  // PID_MAX_LIMIT of the kernel.
constexpr int kExitFailedRequests = 1;
constexpr int kExitUsage = 2;
constexpr int kExitUnreachable = 3;

struct CommandLine {
  std::string target;
  std::string serve;
  int serve_fd = -1;
  std::string check = "full";
  double seconds = 2;
  double warmup_seconds = 0;
  double timeout_seconds = 5;
  double grace_seconds = 2;
  double service_ms = 0;
  bool poisson = false;
  std::string outcomes;
  ServiceOptions service;
  LoadOptions load;
};

Nanos FromSeconds(double seconds) {
  return std::chrono::duration_cast<Nanos>(std::chrono::duration<double>(seconds));
}

void Declare(CLI::App& app, CommandLine& line) {
  RequestOptions& request = line.load.client.request;
  app.add_option("--target", line.target, "Address the clients connect to: ip:port or unix:/path");
  app.add_option("--serve", line.serve, "Address to serve answers on; port 0 takes a free one");
  app.add_option("--serve-fd", line.serve_fd, "Inherited listening socket to serve on instead");
  app.add_option("--connections", line.load.connections, "Clients at once")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--rate", line.load.rate_per_second, "Requests per second; 0: closed loop")
      ->check(CLI::Range(0.0, 1e7));
  app.add_option("--requests", line.load.requests_max, "Stop after so many; 0: no such bound")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seconds", line.seconds, "Stop after this time")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_option("--warmup", line.warmup_seconds, "Seconds of load before measuring")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--timeout", line.timeout_seconds, "Seconds a request may take")
      ->check(CLI::Range(0.001, 3600.0));
  app.add_option("--grace", line.grace_seconds, "Seconds for what is in flight at the end")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--method", request.method, "GET or POST")->check(CLI::IsMember({"GET", "POST"}));
  app.add_option("--body-bytes", request.body_bytes, "Size of each request's body")
      ->check(CLI::Range(std::size_t{0}, kBodyBytesMax));
  app.add_option("--answer-bytes", request.answer_bytes, "Size of each answer's body")
      ->check(CLI::Range(std::size_t{0}, kBodyBytesMax));
  app.add_option("--path-prefix", request.path_prefix, "Before the path, e.g. /search");
  app.add_option("--host", request.host, "Host field");
  app.add_option("--users", request.users, "Different X-User-Id values")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--critical-every", request.critical_every,
                 "Each so-many-th request says x-criticality: CRITICAL, the others SHEDDABLE")
      ->check(CLI::Range(0, 1000));
  app.add_option("--check", line.check, "full: every byte; status: whole answers of any upstream")
      ->check(CLI::IsMember({"full", "status"}));
  app.add_option("--cpu-of", line.load.cpu_of, "Processes whose processor time to measure")
      ->check(CLI::Range(1, kPidMax));
  app.add_option("--outcomes", line.outcomes, "File for a line per request");
  app.add_flag("--poisson", line.poisson, "With --rate: requests fall due at random");
  app.add_option("--seed", line.load.seed, "Of --poisson");
  app.add_flag("--spin", line.load.spins, "Never sleep: for a core of its own");
}

void DeclareService(CLI::App& app, CommandLine& line) {
  app.add_option("--workers", line.service.workers,
                 "With --serve: answers worked on at once, more wait in order; 0: all at once")
      ->check(CLI::Range(0, 100'000));
  app.add_option("--service-ms", line.service_ms, "How long a worker takes for an answer")
      ->check(CLI::Range(0.0, 60'000.0));
}

void AllowManyDescriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Turns SIGTERM and SIGINT into a flag.
class StopSignal final : public Handler {
 public:
  [[nodiscard]] Result<void> Watch(Poller& poller) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    fd_ = FileDescriptor(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd_.valid()) return Fail(ErrorCode::kInputOutput, "signalfd failed");
    return poller.Add(fd_.get(), *this);
  }

  // signalfd is writable never and readable only when a signal has come.
  void OnReady(std::uint32_t /*events*/) override { stopped_ = true; }

  [[nodiscard]] const bool& stopped() const { return stopped_; }

 private:
  FileDescriptor fd_;
  bool stopped_ = false;
};

Result<std::unique_ptr<Upstream>> StartUpstream(Poller& poller, CommandLine& line) {
  line.service.time = FromSeconds(line.service_ms / 1e3);
  if (line.serve_fd >= 0) {
    return Upstream::Create(poller, FileDescriptor(line.serve_fd), line.service);
  }
  const Result<Address> address = Address::Parse(line.serve);
  if (!address) return std::unexpected(address.error());
  Result<FileDescriptor> listener = Listen(*address);
  if (!listener) return std::unexpected(listener.error());
  return Upstream::Create(poller, std::move(*listener), line.service);
}

int Complain(const Error& error, int exit_code) {
  std::fprintf(stderr, "sluice-load: %s\n", error.detail.c_str());
  return exit_code;
}

void ServeUntilStopped(Poller& poller, const StopSignal& signal) {
  while (!signal.stopped())
    poller.Wait(std::chrono::seconds(1));
}

int RunClients(Poller& poller, CommandLine& line, const StopSignal& signal, Upstream* upstream) {
  line.load.duration = FromSeconds(line.seconds);
  line.load.warmup = FromSeconds(line.warmup_seconds);
  line.load.request_timeout = FromSeconds(line.timeout_seconds);
  line.load.grace = FromSeconds(line.grace_seconds);
  line.load.client.check = line.check == "full" ? Check::kFull : Check::kStatus;
  line.load.arrivals = line.poisson ? Arrivals::kPoisson : Arrivals::kEven;
  std::optional<OutcomeLog> outcomes;
  if (!line.outcomes.empty()) {
    Result<OutcomeLog> created = OutcomeLog::Create(line.outcomes);
    if (!created) return Complain(created.error(), kExitUnreachable);
    outcomes = std::move(*created);
  }
  LoadRun run(poller, line.load, outcomes ? &*outcomes : nullptr);
  const Result<LoadResult> result = run.Execute(signal.stopped());
  if (!result) return Complain(result.error(), kExitUnreachable);
  if (outcomes) {
    const Result<void> closed = outcomes->Close();
    if (!closed) return Complain(closed.error(), kExitUnreachable);
  }
  const UpstreamCounts* served = upstream != nullptr ? &upstream->counts() : nullptr;
  std::printf("%s\n", FormatReport(line.load, *result, run.tally(), served).c_str());
  return run.tally().failed() == 0 ? 0 : kExitFailedRequests;
}

int Main(CommandLine& line) {
  AllowManyDescriptors();
  Result<Poller> poller = Poller::Create();
  if (!poller) return Complain(poller.error(), kExitUnreachable);
  StopSignal signal;
  const Result<void> watched = signal.Watch(*poller);
  if (!watched) return Complain(watched.error(), kExitUnreachable);

  std::unique_ptr<Upstream> upstream;
  if (!line.serve.empty() || line.serve_fd >= 0) {
    Result<std::unique_ptr<Upstream>> started = StartUpstream(*poller, line);
    if (!started) return Complain(started.error(), kExitUnreachable);
    upstream = std::move(*started);
    const Result<Address> address = upstream->address();
    if (!address) return Complain(address.error(), kExitUnreachable);
    std::printf("{\"listening\":\"%s\"}\n", address->ToString().c_str());
    std::fflush(stdout);
  }
  if (!line.target.empty()) return RunClients(*poller, line, signal, upstream.get());
  ServeUntilStopped(*poller, signal);
  std::printf("%s\n", FormatUpstream(upstream->counts()).c_str());
  return 0;
}

}  // namespace
}  // namespace sluice::load

int main(int argc, char** argv) {
  CLI::App app("HTTP/1.1 clients and their upstream in one thread, checking every byte");
  sluice::load::CommandLine line;
  sluice::load::Declare(app, line);
  sluice::load::DeclareService(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : sluice::load::kExitUsage;
  }
  if (line.target.empty() && line.serve.empty() && line.serve_fd < 0) {
    std::fprintf(stderr, "sluice-load: --target, --serve or both are required\n");
    return sluice::load::kExitUsage;
  }
  if (!line.target.empty()) {
    const sluice::Result<sluice::Address> target = sluice::Address::Parse(line.target);
    if (!target) return sluice::load::Complain(target.error(), sluice::load::kExitUsage);
    line.load.client.target = *target;
  }
  return sluice::load::Main(line);
}
