#include "process_log.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sluice::app {
namespace {

constexpr std::array<std::string_view, 9> kTrouble = {
    "refused",          "failed",       "unhealthy", "opened",       "forced_open",
    "breaker_disabled", "metrics_only", "ignored",   "needs_restart"};

}  // namespace

void SetUpLog(std::string_view level) {
  auto logger =
      std::make_shared<spdlog::logger>("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void LogLine(std::string_view line) {
  // The event is the first word: what it says of trouble is a warning, whoever logs it.
  const std::string_view event = line.substr(0, line.find(' '));
  const bool is_trouble = std::ranges::any_of(
      kTrouble, [event](std::string_view word) { return event.find(word) != event.npos; });
  spdlog::log(is_trouble ? spdlog::level::warn : spdlog::level::info, "{}", line);
}

}  // namespace sluice::app
