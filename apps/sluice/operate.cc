#include "operate.h"

#include <optional>
#include <string_view>

#include "admin_client.h"
#include "environment.h"
#include "exit_codes.h"
#include "server_process.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/show.h"
#include "sluice/platform/linux/files.h"

namespace sluice::app {
namespace {

namespace config = gateway::config;
using Json = nlohmann::json;

constexpr Bytes kTokenFileBytesMax = 4096;

// The answer, or the exit code after saying what went wrong.
std::expected<AdminAnswer, int> AskAdmin(const OperateOptions& options, const AdminCall& call) {
  const AdminClient client(options.admin, TokenOf(options));
  Result<AdminAnswer> answer = client.Call(call);
  if (answer) return std::move(*answer);
  fmt::print(stderr, "sluice: no answer from the admin API at {}: {}\n", options.admin,
             answer.error().detail);
  return std::unexpected(answer.error().code == ErrorCode::kInvalidOption ? kUsage : kUnreachable);
}

// What went wrong, as the gateway says it.
void PrintRefusal(const AdminAnswer& answer) {
  const Json body = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_object() && body.contains("problems")) {
    for (const Json& problem : body["problems"]) {
      fmt::print(stderr, "{}:{}:{}: {}: {}\n", problem.value("file", ""), problem.value("line", 0),
                 problem.value("column", 0), problem.value("path", ""),
                 problem.value("message", ""));
    }
    return;
  }
  if (body.is_object() && body.contains("detail")) {
    fmt::print(stderr, "sluice: {}\n", body.value("detail", ""));
    return;
  }
  fmt::print(stderr, "sluice: the admin API answered {}\n", answer.status);
}

int ExitCodeOfStatus(int status) {
  if (status < 300) return kSuccess;
  if (status == 422 || status == 401) return kUsage;
  return status == 409 ? kConflict : kCheckFailed;
}

// Posts, prints `done` or what the gateway said, and gives the exit code.
int Post(const OperateOptions& options, const AdminCall& call, std::string_view done) {
  const std::expected<AdminAnswer, int> answer = AskAdmin(options, call);
  if (!answer) return answer.error();
  if (options.json) {
    fmt::print("{}", answer->body);
  } else if (answer->status >= 300) {
    PrintRefusal(*answer);
  } else {
    fmt::print("{}\n", done);
  }
  return ExitCodeOfStatus(answer->status);
}

void PrintStatus(const Json& status) {
  const Json& requests = status["requests"];
  const Json& connections = status["connections"];
  fmt::print("{} {}, pid {}, up {:.0f} s, {} workers\n", status.value("version", "?"),
             status.value("phase", "?"), status.value("pid", 0),
             status.value("uptime_seconds", 0.0), status.value("workers", 0));
  for (const Json& listener : status["listeners"]) {
    fmt::print("  listener {:<16} {}\n", listener.value("name", ""), listener.value("address", ""));
  }
  fmt::print("  requests {} ({} active, {} refused), connections {}\n",
             requests.value("total", 0ULL), requests.value("active", 0LL),
             requests.value("refused", 0ULL), connections.value("open", 0LL));
  const Json& file = status["config"];
  fmt::print("  configuration generation {}, last reload {}\n", file.value("generation", 0ULL),
             file.value("last_reload_successful", true) ? "successful" : "REFUSED");
}

}  // namespace

std::string TokenOf(const OperateOptions& options) {
  if (options.token_file.empty()) return {};
  Result<std::string> text = platform::ReadWholeFile(options.token_file, kTokenFileBytesMax);
  if (!text) {
    fmt::print(stderr, "sluice: cannot read {}: {}\n", options.token_file, text.error().detail);
    return {};
  }
  text->resize(std::min(text->size(), text->find('\n')));
  return *text;
}

std::expected<Json, int> FetchPage(const OperateOptions& options, std::string_view path) {
  const std::expected<AdminAnswer, int> answer = AskAdmin(options, {.path = path});
  if (!answer) return std::unexpected(answer.error());
  Json page = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (answer->status == 200 && page.is_object()) return page;
  PrintRefusal(*answer);
  return std::unexpected(ExitCodeOfStatus(answer->status == 200 ? 500 : answer->status));
}

int Status(const OperateOptions& options) {
  const std::expected<AdminAnswer, int> answer = AskAdmin(options, {});
  if (!answer) return answer.error();
  const Json status = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (answer->status != 200 || !status.is_object()) {
    PrintRefusal(*answer);
    return ExitCodeOfStatus(answer->status == 200 ? 500 : answer->status);
  }
  if (options.json) {
    fmt::print("{}", answer->body);
  } else {
    PrintStatus(status);
  }
  return kSuccess;
}

int Reload(const OperateOptions& options) {
  if (options.config_file.empty()) {
    return Post(options, {.method = "POST", .path = "/api/v1/reload", .body = "{}"},
                "the configuration file is in force");
  }
  const Result<std::string> text = ReadConfigFile(options.config_file);
  if (!text) {
    fmt::print(stderr, "sluice: cannot read {}: {}\n", options.config_file, text.error().detail);
    return kUsage;
  }
  const config::LoadOutcome outcome = config::LoadConfig(
      *text, options.config_file, config::LoadOptions{.environment = &EnvironmentVariable});
  fmt::print(stderr, "{}", config::FormatProblems(outcome));
  if (!outcome.ok()) return kUsage;
  const std::string body = config::ToJson(outcome.config);
  return Post(options, {.method = "POST", .path = "/api/v1/config", .body = body},
              fmt::format("{} is in force", options.config_file));
}

int Drain(const OperateOptions& options) {
  return Post(options, {.method = "POST", .path = "/api/v1/drain", .body = "{}"},
              "the gateway drains");
}

int Upgrade(const OperateOptions& options) {
  return Post(options, {.method = "POST", .path = "/api/v1/upgrade", .body = "{}"},
              "the new process serves; the old one drains");
}

}  // namespace sluice::app
