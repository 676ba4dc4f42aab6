#include "sluice/wire/recording/recorded_exchange.h"

#include <charconv>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// Takes the next line off `rest`, without its end.
std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find(kLineEnd);
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kLineEnd.size());
  return line;
}

}  // namespace

std::string_view StartLineOf(std::string_view head) {
  return TakeLine(head);
}

std::vector<HeaderLine> FieldsOf(std::string_view head) {
  std::vector<HeaderLine> fields;
  TakeLine(head);
  while (!head.empty()) {
    const std::string_view line = TakeLine(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.push_back(
        {.name = line.substr(0, colon), .value = TrimWhitespace(line.substr(colon + 1))});
  }
  return fields;
}

std::string_view FieldOf(std::string_view head, std::string_view name) {
  TakeLine(head);
  while (!head.empty()) {
    const std::string_view line = TakeLine(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (EqualsIgnoringCase(line.substr(0, colon), name))
      return TrimWhitespace(line.substr(colon + 1));
  }
  return {};
}

void FillFromHeads(RecordedExchange& exchange) {
  std::string_view line = StartLineOf(exchange.request.head);
  const std::size_t space = line.find(' ');
  exchange.method = line.substr(0, space);
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  exchange.target = line.substr(0, line.find(' '));
  const std::string_view host = FieldOf(exchange.request.head, "host");
  if (!host.empty()) exchange.host = host;
  std::string_view status = StartLineOf(exchange.response.head);
  const std::size_t behind_version = status.find(' ');
  if (behind_version == std::string_view::npos) return;
  status.remove_prefix(behind_version + 1);
  int parsed = 0;
  const auto read = std::from_chars(status.data(), status.data() + status.size(), parsed);
  if (read.ec == std::errc()) exchange.status = parsed;
}

}  // namespace sluice::wire::recording
