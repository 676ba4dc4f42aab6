#include "sluice/gateway/admin/admin_api.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/admin/flows_json.h"
#include "sluice/gateway/admin/metrics_text.h"
#include "sluice/gateway/admin/recording_report.h"
#include "sluice/gateway/admin/release_api.h"
#include "sluice/gateway/admin/status_json.h"
#include "sluice/gateway/config/show.h"
#include "sluice/wire/authority.h"
#include "sluice/wire/json_escape.h"

namespace sluice::gateway::admin {
namespace {

constexpr std::string_view kBreakers = "/api/v1/breakers/";
constexpr std::string_view kFlows = "/api/v1/flows/";
constexpr std::string_view kGantt = "/gantt";
constexpr std::string_view kPostBody = "posted configuration";

AdminResponse Text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain", .body = std::move(body), .allow = {}};
}

AdminResponse Json(std::string body, int status = 200) {
  return {.status = status, .body = std::move(body), .allow = {}};
}

AdminResponse NotHere(std::string_view path) {
  return Refuse(404, "not_found", fmt::format("the admin API has no {}", path));
}

AdminResponse CannotDo(std::string_view what) {
  return Refuse(501, "not_implemented", fmt::format("this process cannot {}", what));
}

AdminResponse ConfigAnswer(const config::LoadOutcome& outcome, std::uint64_t generation) {
  if (!outcome.ok()) return Json(config::FormatProblemsJson(outcome), 422);
  std::string body = fmt::format("{{\"ok\":true,\"generation\":{},\"warnings\":[", generation);
  for (const config::Problem& warning : outcome.warnings) {
    if (body.back() != '[') body += ',';
    wire::AppendJsonString(warning.ToString(), body);
  }
  body += "]}\n";
  return Json(std::move(body));
}

bool IsGetPath(std::string_view path) {
  return path == "/healthz" || path == "/readyz" || path == "/metrics" ||
         path == "/api/v1/status" || path == "/api/v1/config" || path == "/api/v1/routes" ||
         path == "/api/v1/upstreams" || path == "/api/v1/guards" || path == "/api/v1/recordings" ||
         path == "/api/v1/flows" || path.starts_with(kFlows) || IsReleasePath(path);
}

bool IsPostPath(std::string_view path) {
  return path == "/api/v1/config" || path == "/api/v1/reload" || path == "/api/v1/drain" ||
         path == "/api/v1/upgrade" || path.starts_with(kBreakers) ||
         (IsReleasePath(path) && path != kReleases);
}

// A breaker with keys does it to all of them.
template <typename AnyBreaker>
bool SetBreaker(AnyBreaker& breaker, std::string_view action, SteadyTime now) {
  if (action == "force_open") {
    breaker.ForceOpen(now);
  } else if (action == "disable") {
    breaker.Disable(now);
  } else if (action == "metrics_only") {
    breaker.MetricsOnly(now);
  } else if (action == "close") {
    breaker.Close(now);
  } else if (action == "reset") {
    breaker.Reset(now);
  } else {
    return false;
  }
  return true;
}

}  // namespace

AdminApi::AdminApi(Gateway& gateway, ProcessHooks hooks)
    : gateway_(gateway), hooks_(std::move(hooks)) {}

Task<AdminResponse> AdminApi::Answer(const AdminRequest& request) {
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (is_read && IsGetPath(request.path)) co_return Get(request);
  if (request.method == "POST" && IsPostPath(request.path)) {
    AdminResponse posted = co_await Post(request);
    co_return posted;
  }
  if (!IsGetPath(request.path) && !IsPostPath(request.path)) co_return NotHere(request.path);
  AdminResponse refused = Refuse(405, "method_not_allowed", "see Allow");
  refused.allow = IsGetPath(request.path) ? "GET, HEAD" : "POST";
  if (IsGetPath(request.path) && IsPostPath(request.path)) refused.allow = "GET, HEAD, POST";
  co_return refused;
}

AdminResponse AdminApi::Get(const AdminRequest& request) const {
  const std::string_view path = request.path;
  if (path == "/healthz") return Text(200, "ok\n");
  if (path == "/readyz") {
    return gateway_.is_ready() ? Text(200, "ready\n")
                               : Text(503, fmt::format("{}\n", NameOf(gateway_.phase())));
  }
  if (path == "/metrics") {
    return {.status = 200,
            .content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = MetricsText(gateway_, hooks_),
            .allow = {}};
  }
  if (path == "/api/v1/status") return Json(StatusJson(gateway_, hooks_));
  if (gateway_.registry().current() == nullptr) {
    return Refuse(503, "starting", "no configuration is in force yet");
  }
  if (path == "/api/v1/config") return Json(config::ToJson(gateway_.registry().current()->config));
  if (path == "/api/v1/routes") return Json(RoutesJson(gateway_));
  if (path == "/api/v1/upstreams") return Json(UpstreamsJson(gateway_));
  if (path == "/api/v1/flows") return Json(FlowsJson(gateway_));
  if (path.starts_with(kFlows)) return GetFlow(request);
  if (IsReleasePath(path)) return GetReleases(gateway_, request);
  if (path == "/api/v1/recordings") return Json(RecordingsJson(gateway_));
  return Json(GuardsJson(gateway_));
}

// "/api/v1/flows/NAME" and "/api/v1/flows/NAME/gantt?run=NUMBER".
AdminResponse AdminApi::GetFlow(const AdminRequest& request) const {
  std::string_view name = std::string_view(request.path).substr(kFlows.size());
  if (!name.ends_with(kGantt)) {
    std::optional<std::string> flow = FlowJson(gateway_, name);
    return flow ? Json(std::move(*flow)) : NotHere(request.path);
  }
  name.remove_suffix(kGantt.size());
  std::string scratch;
  const auto run = wire::FindQueryParameter(request.query, "run", scratch);
  std::optional<std::uint64_t> number;
  if (run) {
    std::uint64_t read = 0;
    const auto [end, error] = std::from_chars(run->data(), run->data() + run->size(), read);
    const bool is_number = error == std::errc() && end == run->data() + run->size();
    if (!is_number) return Refuse(400, "bad_request", "run must be the number of a kept run");
    number = read;
  }
  std::optional<std::string> picture = FlowGantt(gateway_, name, number);
  if (!picture) return Refuse(404, "not_found", "no such run is kept");
  return {.status = 200, .content_type = "image/svg+xml", .body = std::move(*picture), .allow = {}};
}

Task<AdminResponse> AdminApi::Post(const AdminRequest& request) {
  const std::string_view path = request.path;
  if (path == "/api/v1/config") {
    AdminResponse answer = co_await PostConfig(request);
    co_return answer;
  }
  if (path == "/api/v1/reload") {
    AdminResponse answer = co_await Reload();
    co_return answer;
  }
  if (path == "/api/v1/upgrade") {
    AdminResponse answer = co_await Upgrade();
    co_return answer;
  }
  if (path == "/api/v1/drain") {
    if (!hooks_.drain) co_return CannotDo("drain");
    hooks_.drain();
    co_return Json("{\"ok\":true}\n", 202);
  }
  if (IsReleasePath(path)) co_return PostRelease(gateway_, request);
  co_return PostBreaker(path.substr(kBreakers.size()));
}

Task<AdminResponse> AdminApi::PostConfig(const AdminRequest& request) {
  std::string scratch;
  const std::optional<std::string_view> dry_run =
      wire::FindQueryParameter(request.query, "dry_run", scratch);
  const bool only_checks = dry_run && *dry_run != "0" && *dry_run != "false";
  const Gateway::ApplyMode mode =
      only_checks ? Gateway::ApplyMode::kDryRun : Gateway::ApplyMode::kApply;
  const config::LoadOutcome outcome =
      co_await gateway_.ApplyText(request.body, std::string(kPostBody), mode);
  co_return ConfigAnswer(outcome, gateway_.generation());
}

Task<AdminResponse> AdminApi::Reload() {
  if (!hooks_.read_config)
    co_return CannotDo(
        "reload: it was started without a file; `sluice reload -c FILE` puts one in force");
  Result<std::string> text = hooks_.read_config();
  if (!text) {
    gateway_.NoteRefusedReload(text.error().detail);
    co_return Refuse(422, "unreadable", text.error().detail);
  }
  const config::LoadOutcome outcome =
      co_await gateway_.ApplyText(std::move(*text), hooks_.config_file, Gateway::ApplyMode::kApply);
  co_return ConfigAnswer(outcome, gateway_.generation());
}

Task<AdminResponse> AdminApi::Upgrade() {
  if (!hooks_.upgrade) co_return CannotDo("upgrade");
  const Result<std::string> done = co_await hooks_.upgrade();
  if (!done) co_return Refuse(500, "upgrade_failed", done.error().detail);
  std::string body = "{\"ok\":true,\"detail\":";
  wire::AppendJsonString(*done, body);
  body += "}\n";
  co_return Json(std::move(body));
}

AdminResponse AdminApi::PostBreaker(std::string_view rest) {
  const std::size_t slash = rest.rfind('/');
  const std::string_view action =
      slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  const std::string name(rest.substr(0, slash));
  const std::shared_ptr<breaker::Breaker> breaker = gateway_.registry().FindBreaker(name);
  const std::shared_ptr<breaker::KeyedBreaker> keyed = gateway_.registry().FindKeyedBreaker(name);
  if (breaker == nullptr && keyed == nullptr) {
    return Refuse(404, "not_found", fmt::format("no breaker `{}`", name));
  }
  const SteadyTime now = gateway_.control().now();
  const bool is_done =
      breaker != nullptr ? SetBreaker(*breaker, action, now) : SetBreaker(*keyed, action, now);
  if (!is_done) {
    return Refuse(404, "not_found",
                  "a breaker can force_open, disable, metrics_only, close and reset");
  }
  gateway_.Log(fmt::format("breaker_set name={} action={}", name, action));
  const breaker::State state = breaker != nullptr ? breaker->Snapshot(now).state : keyed->by_hand();
  return Json(fmt::format("{{\"ok\":true,\"state\":\"{}\"}}\n", breaker::NameOf(state)));
}

}  // namespace sluice::gateway::admin
