#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/endpoint.h"
#include "sluice/gateway/config/flow_cycle.h"
#include "sluice/gateway/config/flow_references.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/path_template.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/text_rules.h"
#include "sluice/gateway/flows/condition.h"
#include "sluice/gateway/flows/json_body.h"

namespace sluice::gateway::config {
namespace {

using flows::Reference;
using Source = flows::Reference::Source;

// Fields that the gateway writes itself.
constexpr std::array<std::string_view, 13> kCallFields{
    "connection", "content-length",  "expect",      "host",    "keep-alive",
    "te",         "trailer",         "traceparent", "upgrade", "transfer-encoding",
    "via",        "x-forwarded-for", "x-flow-hops"};
constexpr std::array<std::string_view, 9> kResponseFields{
    "connection", "content-length",    "date",    "keep-alive",       "te",
    "trailer",    "transfer-encoding", "upgrade", "x-sluice-degraded"};

// One flow while it is checked.
class FlowChecker {
 public:
  FlowChecker(const Config& config, std::size_t index, Findings& findings)
      : config_(config),
        flow_(config.flows[index]),
        path_(Child("flows", index)),
        findings_(findings) {
    for (const FlowNodeConfig& node : flow_.nodes)
      names_.push_back(node.name);
    needs_.resize(flow_.nodes.size());
  }

  void Check() {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < flow_.nodes.size(); ++i) {
      const std::string path = NodePath(i);
      if (!flow_.nodes[i].name.empty() && !seen.insert(flow_.nodes[i].name).second) {
        Complain(path + ".name",
                 fmt::format("must be unique, got \"{}\" twice", Shown(flow_.nodes[i].name)));
      }
      CheckNode(i, path);
    }
    CheckResponse();
    const bool has_cycle = CheckCycles();
    if (!has_cycle) WarnOfUnneeded();
    CheckRoutes();
  }

 private:
  void Complain(const std::string& path, std::string text) {
    findings_.Complain(path, std::move(text));
  }
  [[nodiscard]] std::string NodePath(std::size_t node) const {
    return Child(path_ + ".nodes", node);
  }
  // The number of a node; nodes' size for an unknown one.
  [[nodiscard]] std::size_t Find(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::find(names_, name) - names_.begin());
  }

  void CheckNode(std::size_t index, const std::string& path);
  void CheckPolicies(const FlowNodeConfig& node, const std::string& path);
  void CheckTrees(const FlowNodeConfig& node, const std::string& path);
  void CheckUpstream(const FlowNodeConfig& node, const std::string& path);
  void CheckReference(const PlacedReference& placed, const FlowNodeConfig* reader);
  void CheckHeaders(const std::map<std::string, std::string>& headers,
                    std::span<const std::string_view> own,
                    const std::string& path);
  void ComplainOfTree(const std::vector<flows::TreeProblem>& problems, const std::string& path);
  void CheckResponse();
  [[nodiscard]] bool CheckCycles();
  void WarnOfUnneeded();
  void CheckRoutes();
  [[nodiscard]] bool IsServedBy(const ListenerConfig& listener) const;

  const Config& config_;
  const FlowConfig& flow_;
  std::string path_;
  Findings& findings_;
  std::vector<std::string_view> names_;
  std::vector<std::vector<std::size_t>> needs_;  // Of each node, the nodes it waits for.
  std::vector<std::size_t> read_by_response_;
  std::vector<std::string> captures_;  // That the flow asks for.
};

bool IsIdempotent(const FlowNodeConfig& node) {
  if (node.idempotent) return *node.idempotent;
  constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::ranges::find(kMethods, node.method) != kMethods.end();
}

void FlowChecker::CheckNode(std::size_t index, const std::string& path) {
  const FlowNodeConfig& node = flow_.nodes[index];
  CheckUpstream(node, path);
  CheckPolicies(node, path);
  CheckTrees(node, path);
  CheckHeaders(node.headers, kCallFields, path + ".headers");
  for (const PlacedReference& placed : ReferencesOf(node, path)) {
    CheckReference(placed, &node);
    if (placed.reference.is_of_node()) {
      const std::size_t other = Find(placed.reference.node);
      if (other < names_.size()) needs_[index].push_back(other);
    }
  }
  for (std::size_t i = 0; i < node.after.size(); ++i) {
    const std::size_t other = Find(node.after[i]);
    if (other < names_.size()) {
      needs_[index].push_back(other);
      continue;
    }
    Complain(Child(path + ".after", i),
             fmt::format("must name one of the nodes, got \"{}\"{}", Shown(node.after[i]),
                         DidYouMean(node.after[i], names_)));
  }
}

void FlowChecker::CheckPolicies(const FlowNodeConfig& node, const std::string& path) {
  constexpr std::string_view kNeedsIdempotent =
      "needs a call that may be sent twice, and {} may not; say `idempotent: true` if it may";
  if (!IsIdempotent(node)) {
    if (node.retry && node.retry->attempts > 1) {
      Complain(path + ".retry", fmt::format(kNeedsIdempotent, node.method));
    }
    if (node.hedge_after > Nanos(0)) {
      Complain(path + ".hedge_after", fmt::format(kNeedsIdempotent, node.method));
    }
  }
  if (node.retry && node.retry->backoff.max < node.retry->backoff.base) {
    Complain(path + ".retry.backoff.max", fmt::format("must be at least base ({}), got {}",
                                                      PrintDuration(node.retry->backoff.base),
                                                      PrintDuration(node.retry->backoff.max)));
  }
  if (node.optional && node.fallback) {
    Complain(path + ".optional", "contradicts `fallback`; remove one of them");
  }
  if (node.method == "CONNECT" || node.method == "TRACE") {
    Complain(path + ".method", fmt::format("must be no {}", node.method));
  }
  if (node.body && (node.method == "GET" || node.method == "HEAD" || node.method == "DELETE")) {
    Complain(path + ".body", fmt::format("must not be sent with {}; set `method`", node.method));
  }
  for (std::size_t i = 0; i < node.accept.size(); ++i) {
    if (node.accept[i].first >= 400) continue;
    Complain(Child(path + ".accept", i), "must lie within 400..599; lower ones are no failures");
  }
}

void FlowChecker::ComplainOfTree(const std::vector<flows::TreeProblem>& problems,
                                 const std::string& path) {
  for (const flows::TreeProblem& problem : problems)
    Complain(path + problem.path, problem.text);
}

void FlowChecker::CheckTrees(const FlowNodeConfig& node, const std::string& path) {
  if (node.body) {
    const auto body = flows::JsonBody::Compile(*node.body);
    if (!body) ComplainOfTree(body.error(), path + ".body");
  }
  if (node.when) {
    const auto condition = flows::Condition::Compile(*node.when);
    if (!condition) ComplainOfTree(condition.error(), path + ".when");
  }
  if (!node.fallback) return;
  const auto body = flows::JsonBody::Compile(node.fallback->body);
  if (!body) return ComplainOfTree(body.error(), path + ".fallback.body");
  bool has_placeholders = false;
  body->ForEachPlaceholder([&](const flows::Placeholder&) { has_placeholders = true; });
  if (has_placeholders) Complain(path + ".fallback.body", "must have no placeholders");
}

bool FlowChecker::IsServedBy(const ListenerConfig& listener) const {
  return std::ranges::any_of(config_.routes, [&](const RouteConfig& route) {
    if (route.flow != flow_.name) return false;
    if (route.listeners.empty()) return listener.kind == ListenerKind::kIngress;
    return std::ranges::find(route.listeners, listener.name) != route.listeners.end();
  });
}

// A listener of all addresses is any of this machine's, and loopback is.
bool IsAt(const Address& endpoint, const Address& listener) {
  if (endpoint == listener) return true;
  if (endpoint.family() == Address::Family::kUnix || listener.family() == Address::Family::kUnix) {
    return false;
  }
  const std::string here = listener.ToString();
  const std::string there = endpoint.ToString();
  const bool is_any = here.starts_with("0.0.0.0:") || here.starts_with("[::]:");
  const bool is_loopback = there.starts_with("127.") || there.starts_with("[::1]:");
  return is_any && is_loopback && endpoint.port() == listener.port();
}

void FlowChecker::CheckUpstream(const FlowNodeConfig& node, const std::string& path) {
  if (node.upstream.empty()) return;
  std::vector<std::string_view> known;
  for (const UpstreamConfig& upstream : config_.upstreams)
    known.push_back(upstream.name);
  const auto found = std::ranges::find(config_.upstreams, node.upstream, &UpstreamConfig::name);
  if (found == config_.upstreams.end()) {
    return Complain(path + ".upstream",
                    fmt::format("must name one of `upstreams`, got \"{}\"{}", Shown(node.upstream),
                                DidYouMean(node.upstream, known)));
  }
  for (const std::string& text : found->endpoints) {
    const Result<Endpoint> endpoint = ParseEndpoint(text);
    if (!endpoint || !endpoint->address) continue;
    for (const ListenerConfig& listener : config_.listeners) {
      const Result<Address> address = Address::Parse(listener.listen);
      if (!address || !IsAt(*endpoint->address, *address) || !IsServedBy(listener)) continue;
      Complain(path + ".upstream",
               fmt::format("would call this flow again: \"{}\" has {}, where listener \"{}\" takes "
                           "its requests",
                           node.upstream, text, listener.name));
    }
  }
  if (!found->critical && !node.optional && !node.fallback) {
    findings_.Warn(path, fmt::format("is required, but upstream \"{}\" is not critical; say "
                                     "`optional: true` or give it a `fallback`",
                                     node.upstream));
  }
}

void FlowChecker::CheckReference(const PlacedReference& placed, const FlowNodeConfig* reader) {
  const Reference& reference = placed.reference;
  if (reference.source == Source::kCapture) captures_.push_back(reference.name);
  if (reference.is_of_item()) {
    // Both are asked once for the node, not for each element.
    const bool is_of_node =
        placed.path.ends_with(".for_each.items") || placed.path.contains(".when");
    if (reader == nullptr || !reader->for_each || is_of_node) {
      Complain(placed.path, fmt::format("{} is known only to the templates of a node with for_each",
                                        reference.text));
    }
    return;
  }
  if (placed.path.ends_with(".for_each.items") && reference.source != Source::kBody &&
      reference.source != Source::kRequestBody) {
    return Complain(placed.path,
                    fmt::format("must lead into a body, where arrays are; {} is {}", reference.text,
                                reference.is_number() ? "a number" : "a text"));
  }
  if (!reference.is_of_node()) return;
  const std::size_t node = Find(reference.node);
  if (node == names_.size()) {
    return Complain(placed.path, fmt::format("{} names no node{}", reference.text,
                                             DidYouMean(reference.node, names_)));
  }
  if (flow_.nodes[node].for_each && reference.source != Source::kBody) {
    Complain(placed.path, fmt::format("{} asks for one answer, but {} has one for each element; "
                                      "only its body is known, an array",
                                      reference.text, reference.node));
  }
}

void FlowChecker::CheckHeaders(const std::map<std::string, std::string>& headers,
                               std::span<const std::string_view> own,
                               const std::string& path) {
  for (const auto& entry : headers) {
    if (std::ranges::find(own, entry.first) == own.end()) continue;
    Complain(Child(path, entry.first),
             "must not be set here, because the gateway writes it itself; remove it");
  }
}

void FlowChecker::CheckResponse() {
  const FlowResponseConfig& response = flow_.response;
  const std::string path = path_ + ".response";
  CheckHeaders(response.headers, kResponseFields, path + ".headers");
  if (response.body) {
    const auto body = flows::JsonBody::Compile(*response.body);
    if (!body) ComplainOfTree(body.error(), path + ".body");
    if (response.status == "204" || response.status == "205" || response.status == "304") {
      Complain(path + ".status",
               fmt::format("must be one with a body, got {}; remove the body", response.status));
    }
  }
  for (const PlacedReference& placed : ReferencesOf(response, path)) {
    CheckReference(placed, nullptr);
    if (!placed.reference.is_of_node()) continue;
    const std::size_t node = Find(placed.reference.node);
    if (node < names_.size()) read_by_response_.push_back(node);
  }
}

bool FlowChecker::CheckCycles() {
  const std::vector<std::vector<std::size_t>> cycles = FindCycles(needs_);
  for (const std::vector<std::size_t>& cycle : cycles) {
    std::string way;
    std::string places;
    for (const std::size_t node : cycle) {
      way += fmt::format("{} -> ", names_[node]);
      const Mark mark = findings_.PlaceOf(NodePath(node));
      places += fmt::format("{}{} is at {}:{}", places.empty() ? "" : ", ", names_[node], mark.line,
                            mark.column);
    }
    Complain(NodePath(cycle.front()), fmt::format("cycle: {}{}; each waits for the next ({})", way,
                                                  names_[cycle.front()], places));
  }
  return !cycles.empty();
}

void FlowChecker::WarnOfUnneeded() {
  std::vector<bool> is_needed(names_.size(), false);
  std::vector<std::size_t> open = read_by_response_;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (flow_.nodes[i].effect) open.push_back(i);
  }
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (is_needed[node]) continue;
    is_needed[node] = true;
    open.insert(open.end(), needs_[node].begin(), needs_[node].end());
  }
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (is_needed[i]) continue;
    findings_.Warn(NodePath(i), fmt::format("{} is never called, because the response does not "
                                            "need it; say `effect: true` if it should be",
                                            Shown(names_[i])));
  }
}

void FlowChecker::CheckRoutes() {
  bool is_used = false;
  for (std::size_t i = 0; i < config_.routes.size(); ++i) {
    const RouteConfig& route = config_.routes[i];
    if (route.flow != flow_.name || flow_.name.empty()) continue;
    is_used = true;
    const Result<PathTemplate> pattern = PathTemplate::Parse(route.match.path_template);
    std::set<std::string_view> told;
    for (const std::string& name : captures_) {
      if ((pattern && pattern->HasVariable(name)) || !told.insert(name).second) continue;
      Complain(
          Child("routes", i) + ".flow",
          fmt::format("needs {{{0}}} in this route's match.path_template, because \"{1}\" asks "
                      "for request.capture.{0}",
                      Shown(name), Shown(flow_.name)));
    }
  }
  if (is_used || config_.routes.empty()) return;
  findings_.WarnUnused(path_,
                       fmt::format("flow \"{}\" is not used by any route", Shown(flow_.name)));
}

}  // namespace

void CheckFlows(const Config& config, Findings& findings) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < config.flows.size() && !findings.full(); ++i) {
    const FlowConfig& flow = config.flows[i];
    if (!flow.name.empty() && !names.insert(flow.name).second) {
      findings.Complain(Child("flows", i) + ".name",
                        fmt::format("must be unique, got \"{}\" twice", Shown(flow.name)));
    }
    FlowChecker(config, i, findings).Check();
  }
}

}  // namespace sluice::gateway::config
