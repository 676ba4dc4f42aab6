// How a replay went: a line while it runs, and a report as text, JSON or one HTML file.

#pragma once

#include <string>

#include "sluice/traffic/replay/replayer.h"

namespace sluice::app {

struct ReplaySubject {
  std::string recording;
  std::string target;
};

[[nodiscard]] std::string ReplayText(const ReplaySubject& subject,
                                     const traffic::replay::ReplayOutcome& outcome);
[[nodiscard]] std::string ReplayJson(const ReplaySubject& subject,
                                     const traffic::replay::ReplayOutcome& outcome);
// One file without references to others; charts as SVG.
[[nodiscard]] std::string ReplayHtml(const ReplaySubject& subject,
                                     const traffic::replay::ReplayOutcome& outcome);

}  // namespace sluice::app
