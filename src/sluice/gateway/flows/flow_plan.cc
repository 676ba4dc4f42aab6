#include "sluice/gateway/flows/flow_plan.h"

#include <algorithm>
#include <array>
#include <expected>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/flows/flow_graph.h"

namespace sluice::gateway::flows {
namespace {

template <typename T, typename E>
Result<void> Take(std::expected<T, E> parsed, T& out) {
  if (!parsed) return Fail(ErrorCode::kInvalidConfig, "the loader should have refused this");
  out = std::move(*parsed);
  return {};
}

Result<NamedTemplates> Compile(const std::map<std::string, std::string>& texts) {
  NamedTemplates templates;
  for (const auto& [name, text] : texts) {
    TextTemplate parsed;
    const Result<void> taken = Take(TextTemplate::Parse(text), parsed);
    if (!taken) return std::unexpected(taken.error());
    templates.emplace_back(name, std::move(parsed));
  }
  return templates;
}

void AddOnce(std::vector<std::string>& list, const std::string& name) {
  if (std::ranges::find(list, name) == list.end()) list.push_back(name);
}

bool IsIdempotent(const config::FlowNodeConfig& node) {
  if (node.idempotent) return *node.idempotent;
  constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::ranges::find(kMethods, node.method) != kMethods.end();
}

}  // namespace

class FlowCompiler {
 public:
  FlowCompiler(const config::FlowConfig& config, const std::vector<std::string>& upstreams)
      : upstreams_(upstreams), plan_(new FlowPlan(config)) {}

  Result<std::shared_ptr<const FlowPlan>> Compile() {
    const config::FlowConfig& config = plan_->config_;
    plan_->nodes_.resize(config.nodes.size());
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
      const Result<void> node = CompileNode(config.nodes[i], i);
      if (!node) return std::unexpected(node.error());
    }
    const Result<void> response = CompileResponse(config.response);
    if (!response) return std::unexpected(response.error());
    Result<dag::Plan<FlowValue, FlowValue>> graph = BuildGraph(*plan_);
    if (!graph) return std::unexpected(graph.error());
    plan_->plan_.emplace(std::move(*graph));
    return std::shared_ptr<const FlowPlan>(std::move(plan_));
  }

 private:
  Result<void> CompileNode(const config::FlowNodeConfig& config, std::size_t index) {
    FlowNode& node = plan_->nodes_[index];
    node.config = &config;
    node.index = index;
    node.is_idempotent = IsIdempotent(config);
    const auto upstream = std::ranges::find(upstreams_, config.upstream);
    if (upstream == upstreams_.end()) {
      return Fail(ErrorCode::kInvalidConfig,
                  fmt::format("flow `{}`: no upstream `{}`", plan_->config_.name, config.upstream));
    }
    node.upstream = static_cast<std::size_t>(upstream - upstreams_.begin());
    Result<void> taken = Take(TextTemplate::Parse(config.path), node.path);
    if (!taken) return taken;
    taken = CompileTexts(config, node);
    if (!taken) return taken;
    if (config.for_each) {
      taken = Take(Reference::Parse(config.for_each->items), node.items.emplace());
      if (!taken) return taken;
      Note(*node.items, node.inputs);
    }
    if (config.when) {
      taken = Take(Condition::Compile(*config.when), node.when.emplace());
      if (!taken) return taken;
      node.when->ForEachReference(
          [&](const Reference& reference) { Note(reference, node.condition_inputs); });
    }
    if (!config.fallback) return {};
    return CompileFallback(*config.fallback, node);
  }

  Result<void> CompileTexts(const config::FlowNodeConfig& config, FlowNode& node) {
    Result<void> taken = Take(flows::Compile(config.query), node.query);
    if (!taken) return taken;
    taken = Take(flows::Compile(config.headers), node.headers);
    if (!taken) return taken;
    if (config.body) {
      taken = Take(JsonBody::Compile(*config.body), node.body.emplace());
      if (!taken) return taken;
    }
    const auto note = [&](const Placeholder& placeholder) {
      Note(placeholder.reference, node.inputs);
    };
    node.path.ForEachPlaceholder(note);
    for (const auto& [name, text] : node.query)
      text.ForEachPlaceholder(note);
    for (const auto& [name, text] : node.headers)
      text.ForEachPlaceholder(note);
    if (node.body) node.body->ForEachPlaceholder(note);
    return {};
  }

  // A fixed body has no references, so any scope renders it.
  static Result<void> CompileFallback(const config::FlowFallbackConfig& config, FlowNode& node) {
    class NoScope final : public Scope {
     public:
      Value ValueOf(const Reference& /*reference*/) override { return {}; }
    };
    JsonBody body;
    const Result<void> taken = Take(JsonBody::Compile(config.body), body);
    if (!taken) return taken;
    Answer answer;
    NoScope scope;
    const Result<void> rendered = body.Render(scope, answer.body);
    if (!rendered) return rendered;
    node.fallback = std::make_shared<const Answer>(std::move(answer));
    return {};
  }

  Result<void> CompileResponse(const config::FlowResponseConfig& config) {
    FlowResponse& response = plan_->response_;
    response.config = &config;
    Result<void> taken = Take(TextTemplate::Parse(config.status), response.status);
    if (!taken) return taken;
    taken = Take(flows::Compile(config.headers), response.headers);
    if (!taken) return taken;
    if (config.body) {
      taken = Take(JsonBody::Compile(*config.body), response.body.emplace());
      if (!taken) return taken;
    }
    const auto note = [&](const Placeholder& placeholder) {
      Note(placeholder.reference, response.inputs);
    };
    response.status.ForEachPlaceholder(note);
    for (const auto& [name, text] : response.headers)
      text.ForEachPlaceholder(note);
    if (response.body) response.body->ForEachPlaceholder(note);
    return {};
  }

  // Somebody asks for this: what is asked must be kept, and who asks waits for it.
  void Note(const Reference& reference, std::vector<std::string>& inputs) {
    switch (reference.source) {
      case Reference::Source::kRequestHeader:
        return AddOnce(plan_->request_headers_, reference.name);
      case Reference::Source::kCapture:
        return AddOnce(plan_->captures_, reference.name);
      case Reference::Source::kRequestBody:
        plan_->needs_request_body_ = true;
        return;
      default:
        break;
    }
    if (!reference.is_of_node()) return;
    AddOnce(inputs, reference.node);
    for (std::size_t i = 0; i < plan_->nodes_.size(); ++i) {
      if (plan_->config_.nodes[i].name != reference.node) continue;
      FlowNode& node = plan_->nodes_[i];
      if (reference.source == Reference::Source::kBody) node.wants_json = true;
      if (reference.source == Reference::Source::kHeader) {
        AddOnce(node.wanted_headers, reference.name);
      }
    }
  }

  const std::vector<std::string>& upstreams_;
  std::unique_ptr<FlowPlan> plan_;
};

Result<std::shared_ptr<const FlowPlan>> FlowPlan::Create(
    const config::FlowConfig& config, const std::vector<std::string>& upstreams) {
  return FlowCompiler(config, upstreams).Compile();
}

std::size_t FlowPlan::NodeOf(std::string_view plan_node) const {
  const std::string_view name = plan_node.substr(0, plan_node.find('.'));
  for (const FlowNode& node : nodes_) {
    if (node.config->name == name) return node.index;
  }
  return kNoNode;
}

}  // namespace sluice::gateway::flows
