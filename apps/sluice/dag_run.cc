#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dag.h"
#include "dag_file.h"
#include "dag_request.h"
#include "exit_codes.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "sluice/contract/task_group.h"
#include "sluice/dag/gantt.h"
#include "sluice/gateway/admin/flows_json.h"
#include "sluice/gateway/flows/flow_stats.h"
#include "sluice/gateway/gateway.h"
#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/process.h"
#include "sluice/traffic/connection.h"

namespace sluice::app {
namespace {

namespace config = gateway::config;
using gateway::flows::KeptRun;

constexpr Bytes kInputBytesMax = 16 * kMiB;
constexpr Nanos kAnswerExtra = std::chrono::seconds(5);  // Beside the route's own timeout.
constexpr Nanos kTraceMax = std::chrono::seconds(2);
constexpr int kFailureFirst = 400;

struct Answered {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::shared_ptr<const KeptRun> run;
};

// The configuration with nothing but the flow, its upstreams and one route to it.
config::Config ForOneRun(const DagFile& file, const DagRequest& request) {
  config::Config out;
  out.admin.listen = "off";
  out.telemetry.access_log.path = "off";
  out.drain.drain_timeout = Nanos(0);
  out.workers = 1;
  out.upstreams = file.config.upstreams;
  out.concurrency_limits = file.config.concurrency_limits;
  // One run is no reason to ask whether they are well.
  for (config::UpstreamConfig& upstream : out.upstreams)
    upstream.health_check.reset();
  config::ListenerConfig listener;
  listener.name = "dag";
  listener.listen = "127.0.0.1:0";
  out.listeners.push_back(std::move(listener));
  config::RouteConfig route;
  for (const config::RouteConfig& other : file.config.routes) {
    if (other.flow != file.flow.name) continue;
    route.match.path_template = other.match.path_template;
    route.timeout = other.timeout;
    break;
  }
  route.name = "dag";
  route.flow = file.flow.name;
  if (!request.path_template.empty()) route.match.path_template = request.path_template;
  out.routes.push_back(std::move(route));
  out.flows.push_back(file.flow);
  out.flows.back().trace = {.slower_than = Nanos(0), .keep = 1};
  return out;
}

// The whole of one run: a gateway of one loop, one request, the end.
class OneRun {
 public:
  OneRun(platform::EpollLoop& loop, config::Config config, DagRequest request)
      : loop_(loop), config_(std::move(config)), request_(std::move(request)) {}

  Result<Answered> Play() {
    loop_.Enter([this] {
      gateway::GatewayWorld world;
      world.control = &loop_;
      world.workers = {&loop_};
      world.read_file = [](const std::string& path) {
        return platform::ReadWholeFile(path, kInputBytesMax);
      };
      world.seed = platform::RandomSeed();
      gateway_ = std::make_unique<gateway::Gateway>(std::move(world));
      tasks_.Spawn(Main());
    });
    loop_.Run();
    gateway_.reset();
    return std::move(answered_);
  }

 private:
  Task<void> Main() {
    const Result<void> applied = co_await gateway_->Apply(config_);
    if (applied) {
      answered_ = co_await Ask();
      if (answered_) co_await AwaitTrace();
    } else {
      answered_ = std::unexpected(applied.error());
    }
    const std::uint64_t killed = co_await gateway_->Drain();
    static_cast<void>(killed);
    co_await gateway_->Stop();
    loop_.Stop();
  }

  Task<Result<Answered>> Ask() {
    const SteadyTime deadline =
        SaturatingAdd(SaturatingAdd(loop_.now(), config_.routes.front().timeout), kAnswerExtra);
    const Address address = gateway_->bound().front().address;
    Result<std::unique_ptr<Stream>> stream = co_await loop_.Connect(address, deadline);
    if (!stream) co_return std::unexpected(stream.error());
    traffic::Connection connection(loop_, std::move(*stream), traffic::ConnectionLimits{});
    connection.Begin();
    const std::array<ByteView, 1> segments = {request_.bytes};
    const Result<void> sent = co_await connection.stream().Send(segments, deadline);
    if (!sent) co_return std::unexpected(sent.error());
    connection.MarkRequestSent();
    const Result<void> head = co_await connection.ReceiveHead(request_.method, deadline);
    if (!head) co_return std::unexpected(head.error());
    Answered answered{.status = connection.head().status};
    for (const wire::HeaderField& field : connection.head().headers)
      answered.headers.emplace_back(std::string(field.name), std::string(field.value));
    ByteView view = connection.leftover();
    while (!connection.decoder().finished()) {
      while (!view.empty()) {
        const Result<wire::BodyPiece> piece = connection.Decode(view);
        if (!piece) co_return std::unexpected(piece.error());
        answered.body += piece->data;
        if (piece->finished) break;
      }
      if (connection.decoder().finished()) break;
      const Result<ByteView> got = co_await connection.stream().Receive(deadline);
      if (!got) co_return std::unexpected(got.error());
      if (got->empty()) break;
      view = *got;
    }
    co_return answered;
  }

  // A call that nobody waited for may end a moment after the answer.
  Task<void> AwaitTrace() {
    const SteadyTime until = loop_.now() + kTraceMax;
    gateway::flows::FlowStats& stats = gateway_->stats().Flow(config_.flows.front().name);
    while (stats.kept().empty() && loop_.now() < until) {
      co_await loop_.SleepUntil(loop_.now() + std::chrono::milliseconds(2));
    }
    const auto kept = stats.kept();
    if (!kept.empty()) answered_->run = kept.front();
  }

  platform::EpollLoop& loop_;
  config::Config config_;
  DagRequest request_;
  std::unique_ptr<gateway::Gateway> gateway_;
  TaskGroup tasks_;
  Result<Answered> answered_ = Fail(ErrorCode::kCancelled, "it did not run");
};

double Millis(Nanos span) {
  return static_cast<double>(span.count()) / 1e6;
}

void PrintText(const Answered& answered) {
  fmt::print("HTTP {}\n", answered.status);
  for (const auto& [name, value] : answered.headers)
    fmt::print("{}: {}\n", name, value);
  fmt::print("\n{}\n", answered.body);
  if (answered.run == nullptr) return;
  const dag::RunTrace& trace = answered.run->trace;
  fmt::print("\n{} in {:.1f} ms; critical path: {}\n", NameOf(answered.run->outcome),
             Millis(trace.duration()), fmt::join(trace.critical_path(), " -> "));
  if (!answered.run->error.empty()) fmt::print("{}\n", answered.run->error);
  std::size_t width = 4;
  for (const dag::TraceRow& row : trace.rows())
    width = std::max(width, row.node.size());
  fmt::print("\n{:<{}}  {:>10}  {:>10}  state\n", "node", width, "start ms", "end ms");
  for (const dag::TraceRow& row : trace.rows()) {
    fmt::print("{:<{}}  {:>10}  {:>10}  {}{}\n", row.node, width,
               row.start ? fmt::format("{:.1f}", Millis(*row.start)) : "-",
               row.end ? fmt::format("{:.1f}", Millis(*row.end)) : "-", NameOf(row.state),
               row.is_critical ? " *" : "");
  }
}

void PrintJson(const Answered& answered) {
  using Json = nlohmann::ordered_json;
  Json out;
  out["status"] = answered.status;
  out["headers"] = Json::object();
  for (const auto& [name, value] : answered.headers)
    out["headers"][name] = value;
  const Json body = Json::parse(answered.body, nullptr, /*allow_exceptions=*/false);
  out["body"] = body.is_discarded() ? Json(answered.body) : body;
  if (answered.run != nullptr) out["run"] = Json::parse(gateway::admin::RunJson(*answered.run));
  fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
}

// What the file's name says that it is.
bool IsPicture(std::string_view path) {
  return path.ends_with(".svg") || path.ends_with(".html");
}

// Says on standard error what became of the picture; false when it could not be written.
bool WriteGantt(const std::string& path, const KeptRun* run) {
  if (run == nullptr) {
    fmt::print(stderr, "sluice: {} is not written: the request was answered without a run\n", path);
    return true;
  }
  const bool is_svg = path.ends_with(".svg");
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << (is_svg ? dag::ToGanttSvg(run->trace) : dag::ToGanttHtml(run->trace));
  out.close();
  fmt::print(stderr, "sluice: {} {}\n", out.fail() ? "cannot write" : "the run is drawn in", path);
  return !out.fail();
}

Result<DagRequest> ReadInput(const std::string& path) {
  if (path.empty()) return ReadDagRequest("{}");
  const Result<std::string> text = platform::ReadWholeFile(path, kInputBytesMax);
  if (!text) return std::unexpected(text.error());
  return ReadDagRequest(*text);
}

}  // namespace

int RunDag(const DagOptions& options) {
  if (!options.gantt.empty() && !IsPicture(options.gantt)) {
    fmt::print(stderr, "sluice: --gantt must name a .svg or .html file, got {}\n", options.gantt);
    return kUsage;
  }
  const std::optional<DagFile> file = LoadDagFile(options.file, options.flow);
  if (!file) return kUsage;
  const Result<DagRequest> request = ReadInput(options.input);
  if (!request) {
    fmt::print(stderr, "sluice: {}: {}\n", options.input, request.error().detail);
    return kUsage;
  }
  Result<std::unique_ptr<platform::EpollLoop>> loop = platform::EpollLoop::Create();
  if (!loop) {
    fmt::print(stderr, "sluice: {}\n", loop.error().detail);
    return kUnreachable;
  }
  OneRun run(**loop, ForOneRun(*file, *request), *request);
  const Result<Answered> answered = run.Play();
  if (!answered) {
    fmt::print(stderr, "sluice: no answer: {}\n", answered.error().detail);
    return kUnreachable;
  }
  options.json ? PrintJson(*answered) : PrintText(*answered);
  if (!options.gantt.empty() && !WriteGantt(options.gantt, answered->run.get())) return kUsage;
  return answered->status < kFailureFirst ? kSuccess : kCheckFailed;
}

}  // namespace sluice::app
