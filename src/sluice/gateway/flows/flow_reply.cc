#include "sluice/gateway/flows/flow_reply.h"

#include <charconv>
#include <utility>

namespace sluice::gateway::flows {
namespace {

constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kJson = "application/json";

Result<int> StatusOf(const FlowResponse& response, Scope& scope) {
  std::string text;
  const Result<void> rendered = RenderInString(response.status, scope, text);
  if (!rendered) return std::unexpected(rendered.error());
  int status = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, status);
  if (error == std::errc() && stop == end && status >= 200 && status <= 599) return status;
  return std::unexpected(Error{.code = ErrorCode::kBadResponse,
                               .side = Side::kUpstream,
                               .detail = "the response's status must be 200..599, got " + text});
}

}  // namespace

Result<FlowValue> RenderResponse(const FlowResponse& response, Scope& scope) {
  Answer answer;
  const Result<int> status = StatusOf(response, scope);
  if (!status) return std::unexpected(status.error());
  answer.status = *status;
  for (const auto& [name, text] : response.headers) {
    std::string value;
    const Result<bool> rendered = RenderHeader(text, scope, value);
    if (!rendered) return std::unexpected(rendered.error());
    if (*rendered) answer.headers.emplace_back(name, std::move(value));
  }
  if (response.body) {
    const Result<void> rendered = response.body->Render(scope, answer.body);
    if (!rendered) return std::unexpected(rendered.error());
  }
  return FlowValue{.answer = std::make_shared<const Answer>(std::move(answer)), .run = nullptr};
}

FlowReply ReplyOf(const FlowResponse& response, const Answer& answer) {
  FlowReply reply{.status = answer.status, .body = answer.body};
  if (response.body) reply.content_type = kJson;
  for (const auto& [name, value] : answer.headers) {
    if (name == kContentType) {
      reply.content_type = value;
    } else {
      reply.headers.push_back({.name = name, .value = value});
    }
  }
  return reply;
}

}  // namespace sluice::gateway::flows
