#include "release.h"

#include <cstdio>
#include <expected>
#include <optional>
#include <vector>

#include "admin_client.h"
#include "environment.h"
#include "exit_codes.h"
#include "release_view.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "sluice/platform/linux/loop.h"

namespace sluice::app {
namespace {

using Json = nlohmann::json;

constexpr int kUnauthorized = 401;
constexpr int kUnprocessable = 422;
constexpr int kConflicting = 409;

int ExitCodeOf(int status) {
  if (status < 300) return kSuccess;
  if (status == kUnauthorized || status == kUnprocessable || status == 404) return kUsage;
  return status == kConflicting ? kConflict : kCheckFailed;
}

// How a release stands, as an exit code.
int ExitCodeOfState(const std::string& state) {
  if (state == "rolled_back" || state == "failed") return kCheckFailed;
  if (state == "paused" || state == "suspended") return kHeld;
  return kSuccess;
}

// The answer's body, or the exit code after saying what went wrong.
std::expected<Json, int> Ask(const ReleaseOptions& options, const AdminCall& call) {
  const AdminClient client(options.admin.admin, TokenOf(options.admin));
  const Result<AdminAnswer> answer = client.Call(call);
  if (!answer) {
    fmt::print(stderr, "sluice: no answer from the admin API at {}: {}\n", options.admin.admin,
               answer.error().detail);
    return std::unexpected(answer.error().code == ErrorCode::kInvalidOption ? kUsage
                                                                            : kUnreachable);
  }
  Json body = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (answer->status < 300 && body.is_object()) return body;
  const std::string detail = body.is_object() ? body.value("detail", "") : std::string();
  fmt::print(stderr, "sluice: {}\n",
             detail.empty() ? fmt::format("the admin API answered {}", answer->status) : detail);
  return std::unexpected(ExitCodeOf(answer->status));
}

std::string PathOf(const ReleaseOptions& options, std::string_view rest = {}) {
  return fmt::format("/api/v1/releases/{}{}", options.name, rest);
}

void PrintLine(const Json& release) {
  fmt::print("{:<20} {:<12} step {}/{} {:>8.4g} %  {}\n", release.value("name", ""),
             release.value("state", ""), release.value("step", 0), release.value("steps", 0),
             release.value("weight_percent", 0.0), release.value("explain", ""));
}

void PrintDetails(const Json& release) {
  PrintLine(release);
  fmt::print("  {} -> {}, generation {}\n", release.value("stable", ""),
             release.value("candidate", ""), release.value("generation", 0ULL));
  const std::string why = release.value("why", "");
  if (!why.empty()) fmt::print("  {}: {}\n", release.value("reason", ""), why);
  const Json& verdict = release["verdict"];
  fmt::print("  judge: {}\n", verdict.value("why", ""));
  for (const Json& metric : release["metrics"])
    fmt::print("  {}\n", MetricLine(metric));
}

// Over the `before` lines of last time. Returns how many lines there are now.
std::size_t Draw(const std::vector<std::string>& lines, std::size_t before) {
  if (before > 0) fmt::print("\x1b[{}A\x1b[J", before);
  for (const std::string& line : lines)
    fmt::print("{}\n", line);
  return lines.size();
}

// The exit code of whoever watches, once nothing more happens without somebody.
std::optional<int> EndOfWatch(const std::string& state) {
  if (state == "draft") return kHeld;  // To be started: it has not completed.
  const int code = ExitCodeOfState(state);
  if (code != kSuccess || state == "completed") return code;
  return std::nullopt;
}

int Print(const ReleaseOptions& options, const Json& body) {
  if (options.admin.json) {
    fmt::print("{}\n", body.dump(2));
  } else {
    PrintDetails(body);
  }
  return ExitCodeOfState(body.value("state", ""));
}

// Who did it, for the history.
std::string Actor() {
  return EnvironmentVariable("USER").value_or("cli");
}

}  // namespace

int ListReleases(const ReleaseOptions& options) {
  const std::expected<Json, int> body = Ask(options, {.path = "/api/v1/releases"});
  if (!body) return body.error();
  if (options.admin.json) {
    fmt::print("{}\n", body->dump(2));
    return kSuccess;
  }
  if (body->value("state_health", "clean") != "clean") {
    fmt::print("state of releases: {}\n", body->value("state_health", ""));
  }
  for (const Json& release : (*body)["releases"])
    PrintLine(release);
  return kSuccess;
}

int ShowRelease(const ReleaseOptions& options) {
  const std::string path = PathOf(options);
  const Result<std::unique_ptr<platform::EpollLoop>> pause = platform::EpollLoop::Create();
  if (!pause) {
    fmt::print(stderr, "sluice: {}\n", pause.error().detail);
    return kUnreachable;
  }
  const bool is_drawn = options.watch && !options.admin.json && ::isatty(STDOUT_FILENO) == 1;
  std::string shown;
  std::size_t drawn = 0;
  for (;;) {
    const std::expected<Json, int> body = Ask(options, {.path = path});
    if (!body) return body.error();
    if (!options.watch) return Print(options, *body);
    const std::string state = body->value("state", "");
    const std::string line = fmt::format("{}", body->value("explain", ""));
    if (is_drawn) {
      drawn = Draw(DrawingOf(*body), drawn);
    } else if (line != shown) {
      PrintLine(*body);
    }
    shown = line;
    if (const std::optional<int> code = EndOfWatch(state)) return *code;
    std::fflush(stdout);
    (*pause)->RunOnce(Nanos(static_cast<Nanos::rep>(options.interval_seconds * 1e9)));
  }
}

int ShowReleaseHistory(const ReleaseOptions& options) {
  const std::string path = PathOf(options, "/history");
  const std::expected<Json, int> body = Ask(options, {.path = path});
  if (!body) return body.error();
  if (options.admin.json) {
    fmt::print("{}\n", body->dump(2));
    return kSuccess;
  }
  for (const Json& past : (*body)["history"]) {
    fmt::print("{:>5} {:>11} -> {:<11} step {} {:>8.4g} %  {} ({}) {}\n",
               past.value("generation", 0ULL), past.value("from", ""), past.value("to", ""),
               past.value("step", 0) + 1, past.value("weight_percent", 0.0),
               past.value("reason", ""), past.value("actor", ""), past.value("sentence", ""));
  }
  return kSuccess;
}

int ExplainRelease(const ReleaseOptions& options) {
  std::string path = PathOf(options, "/explain");
  if (!options.user.empty()) {
    path += "?user=";
    for (const char byte : options.user)
      path += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
  }
  const std::expected<Json, int> body = Ask(options, {.path = path});
  if (!body) return body.error();
  if (options.admin.json) {
    fmt::print("{}\n", body->dump(2));
    return kSuccess;
  }
  PrintDetails(*body);
  if (body->contains("key")) {
    const Json& key = (*body)["key"];
    fmt::print(
        "  {} has bucket {} and gets {} ({}), unless a rule or an order says otherwise: {}\n",
        key.value("key", ""), key.value("bucket", 0), key.value("arm", ""),
        key.value("upstream", ""), key.value("why", ""));
  }
  return kSuccess;
}

int CommandRelease(const ReleaseOptions& options, const std::string& command) {
  Json order = {{"actor", Actor()}};
  if (!options.reason.empty()) order["reason"] = options.reason;
  if (options.force) order["force"] = true;
  if (options.if_generation > 0) order["if_generation"] = options.if_generation;
  const std::string path = PathOf(options, "/" + command);
  const std::string text = order.dump();
  const std::expected<Json, int> body =
      Ask(options, {.method = "POST", .path = path, .body = text});
  if (!body) return body.error();
  if (options.admin.json) {
    fmt::print("{}\n", body->dump(2));
  } else {
    PrintLine(*body);
  }
  return kSuccess;
}

}  // namespace sluice::app
