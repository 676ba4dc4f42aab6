#include "sluice/wire/recording/curl_command.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/base64.h"

namespace sluice::wire::recording {
namespace {

constexpr std::array<std::string_view, 6> kOwnFields{
    "host", "content-length", "connection", "keep-alive", "expect", "transfer-encoding"};

bool IsOwn(std::string_view name) {
  return std::ranges::any_of(
      kOwnFields, [name](std::string_view own) { return EqualsIgnoringCase(own, name); });
}

// Text that a terminal shows and a shell passes on as it is.
bool IsPlain(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t'; });
}

}  // namespace

std::string ShellQuoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  quoted += '\'';
  return quoted;
}

std::string CurlCommand(const RecordedExchange& exchange) {
  const std::string& body = exchange.request.body;
  std::string command;
  if (!body.empty() && !IsPlain(body)) {
    command = "echo ";
    AppendBase64(body, command);
    command += " | base64 -d | ";
  }
  command += "curl";
  // With a body curl would send POST, without one GET.
  if (exchange.method == "HEAD") {
    command += " --head";
  } else if (exchange.method != (body.empty() ? "GET" : "POST")) {
    command += fmt::format(" -X {}", ShellQuoted(exchange.method));
  }
  const bool is_absolute = exchange.target.find("://") != std::string::npos;
  command += ' ';
  command += ShellQuoted(is_absolute ? exchange.target
                                     : fmt::format("http://{}{}", exchange.host, exchange.target));
  for (const HeaderLine& field : FieldsOf(exchange.request.head)) {
    if (IsOwn(field.name)) continue;
    command += fmt::format(" -H {}", ShellQuoted(fmt::format("{}: {}", field.name, field.value)));
  }
  if (body.empty()) return command;
  // curl would call the body a form.
  if (FieldOf(exchange.request.head, "content-type").empty()) command += " -H 'content-type:'";
  command += " --data-binary ";
  command += IsPlain(body) ? ShellQuoted(body) : std::string("@-");
  return command;
}

}  // namespace sluice::wire::recording
