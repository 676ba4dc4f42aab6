#include "sluice/gateway/flows/call_request.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include <fmt/format.h>

namespace sluice::gateway::flows {
namespace {

Result<void> AppendTarget(const FlowNode& node, Scope& scope, std::string& out) {
  const std::size_t begin = out.size();
  const Result<void> path = RenderPath(node.path, scope, out);
  if (!path) return path;
  bool has_query = out.find('?', begin) != std::string::npos;
  std::string value;
  for (const auto& [name, text] : node.query) {
    value.clear();
    const Result<bool> rendered = RenderQueryValue(text, scope, value);
    if (!rendered) return std::unexpected(rendered.error());
    if (!*rendered) continue;
    out += has_query ? '&' : '?';
    has_query = true;
    AppendFormEncoded(name, out);
    out += '=';
    out += value;
  }
  return {};
}

// `has_key`: one of them is the key of a request that may be sent twice.
Result<void> AppendFields(const FlowNode& node, Scope& scope, std::string& out, bool& has_key) {
  for (const auto& [name, text] : node.headers) {
    const std::size_t before = out.size();
    out += name;
    out += ": ";
    const Result<bool> rendered = RenderHeader(text, scope, out);
    if (!rendered) return std::unexpected(rendered.error());
    if (*rendered) {
      out += "\r\n";
      has_key = has_key || name == kKeyField;
    } else {
      out.resize(before);
    }
  }
  return {};
}

bool Says(const FlowNode& node, std::string_view name) {
  return std::ranges::any_of(node.headers,
                             [name](const auto& field) { return field.first == name; });
}

}  // namespace

Result<CallRequest> MakeCallRequest(
    const FlowRun& run, const FlowNode& node, Scope& scope, Nanos remaining, std::uint64_t key) {
  CallRequest request;
  std::string& head = request.head;
  head += node.config->method;
  head += ' ';
  Result<void> rendered = AppendTarget(node, scope, head);
  if (!rendered) return std::unexpected(rendered.error());
  head += " HTTP/1.1\r\nhost: ";
  head += run.authority.empty() ? node.config->upstream : run.authority;
  head += "\r\n";
  bool has_key = false;
  rendered = AppendFields(node, scope, head, has_key);
  if (!rendered) return std::unexpected(rendered.error());
  auto out = std::back_inserter(head);
  if (node.body) {
    rendered = node.body->Render(scope, request.body);
    if (!rendered) return std::unexpected(rendered.error());
    if (!Says(node, "content-type")) head += "content-type: application/json\r\n";
    out = fmt::format_to(out, "content-length: {}\r\n", request.body.size());
  } else if (node.config->method == "POST" || node.config->method == "PUT" ||
             node.config->method == "PATCH") {
    head += "content-length: 0\r\n";  // RFC 9110 section 8.6.
  }
  if (!Says(node, "accept")) head += "accept: application/json\r\n";
  if (!Says(node, kTimeoutField)) {
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(remaining).count();
    fmt::format_to(out, "{}: {}\r\n", kTimeoutField, std::max<std::int64_t>(millis, 1));
  }
  // PUT and its like need none to be done once.
  const bool is_changing = node.config->method == "POST" || node.config->method == "PATCH";
  if (is_changing && node.is_idempotent && !has_key) {
    fmt::format_to(out, "{}: {:016x}\r\n", kKeyField, key);
  }
  fmt::format_to(out, "{}: {}\r\n\r\n", kHopsField, run.hops + 1);
  return request;
}

}  // namespace sluice::gateway::flows
