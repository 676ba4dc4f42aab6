#include "record_options.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/config/quantity.h"
#include "sluice/wire/recording/date_time.h"

namespace sluice::app {
namespace {

using traffic::archive::RecordingFilter;

std::unexpected<Error> Wrong(std::string_view option, std::string_view form, std::string_view got) {
  return Fail(ErrorCode::kInvalidOption, fmt::format("{} must be {}, got {}", option, form, got));
}

bool ReadNumber(std::string_view text, int& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool ReadStatus(std::string_view text, RecordingFilter& filter) {
  if (text.size() == 3 && text.ends_with("xx") && text.front() >= '1' && text.front() <= '5') {
    filter.status_min = (text.front() - '0') * 100;
    filter.status_max = filter.status_min + 99;
    return true;
  }
  const std::size_t dash = text.find('-');
  if (!ReadNumber(text.substr(0, dash), filter.status_min)) return false;
  filter.status_max = filter.status_min;
  return dash == std::string_view::npos || ReadNumber(text.substr(dash + 1), filter.status_max);
}

}  // namespace

Result<RecordingFilter> FilterOf(const FilterOptions& options) {
  RecordingFilter filter{.route = options.route,
                         .upstream = options.upstream,
                         .method = options.method,
                         .host = options.host,
                         .path_prefix = options.path,
                         .trace_id = options.trace,
                         .text = options.text};
  if (options.direction == "ingress") filter.direction = wire::recording::Direction::kIngress;
  if (options.direction == "egress") filter.direction = wire::recording::Direction::kEgress;
  if (!options.status.empty() && !ReadStatus(options.status, filter))
    return Wrong("--status", "503, 5xx or 500-504", options.status);
  for (const auto& [name, text, moment] : {std::tuple{"--since", &options.since, &filter.since},
                                           std::tuple{"--until", &options.until, &filter.until}}) {
    if (text->empty()) continue;
    const std::optional<WallTime> read = wire::recording::ParseDateTime(*text);
    if (!read) return Wrong(name, "a time such as 2026-01-02T03:04:05Z", *text);
    *moment = *read;
  }
  if (!options.slower_than.empty()) {
    const auto read = gateway::config::ReadDuration(options.slower_than);
    if (!read) return Wrong("--slower-than", "a duration such as 100ms", options.slower_than);
    filter.duration_min = *read;
  }
  return filter;
}

}  // namespace sluice::app
