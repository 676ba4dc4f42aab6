#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

template <typename Named>
void CheckKnownNames(const std::vector<std::string>& names,
                     const std::vector<Named>& known,
                     std::string_view what,
                     const std::string& path,
                     Findings& findings) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_known = std::ranges::any_of(
        known, [&](const Named& candidate) { return candidate.name == names[i]; });
    if (!is_known) {
      findings.Complain(Child(path, i), fmt::format("no {} \"{}\"", what, Shown(names[i])));
    }
  }
}

bool MatchesAll(const RecordMatch& match) {
  return match.routes.empty() && match.listeners.empty() && match.methods.empty() &&
         match.path_prefix.empty();
}

}  // namespace

void CheckRecord(const Config& config, Findings& findings) {
  if (!config.record) return;
  const RecordConfig& record = *config.record;
  for (std::size_t i = 0; i < record.rules.size(); ++i) {
    const std::string path = Child(std::string("record.rules"), i);
    const RecordMatch& match = record.rules[i].match;
    CheckKnownNames(match.routes, config.routes, "route", path + ".match.routes", findings);
    CheckKnownNames(match.listeners, config.listeners, "listener", path + ".match.listeners",
                    findings);
    if (MatchesAll(match) && i + 1 < record.rules.size()) {
      findings.Warn(path + ".match", "matches everything, so the rules behind it are never asked");
    }
  }
  if (!record.masking.enabled) {
    findings.Warn("record.masking.enabled",
                  "is off: credentials and card numbers will be in the recording");
  }
  if (record.max_body_bytes * 4 > record.max_queue_bytes) {
    findings.Warn("record.max_queue_bytes",
                  "has room for few of the largest bodies: copies will be dropped; raise it, or "
                  "lower `max_body_bytes`");
  }
}

}  // namespace sluice::gateway::config
