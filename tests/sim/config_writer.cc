#include "tests/sim/config_writer.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace sluice::scenario {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

std::string Duration(Nanos span) {
  if (span % std::chrono::milliseconds(1) == Nanos(0)) {
    return fmt::format("{}ms", span / std::chrono::milliseconds(1));
  }
  return fmt::format("{}us", span / std::chrono::microseconds(1));
}

// The first of `givens` for `path`; null when there is none.
template <typename Given>
const Given* ForPath(const std::vector<Given>& givens, const std::string& path) {
  const auto found = std::ranges::find(givens, path, &Given::path);
  return found == givens.end() ? nullptr : &*found;
}

class Writer {
 public:
  explicit Writer(const Scenario& scenario) : scenario_(scenario) {}

  std::string Write() {
    Add("admin: {{listen: \"{}\"}}\n", scenario_.admin.ToString());
    Add("workers: 1\ntelemetry: {{access_log: {{path: \"off\"}}}}\n");
    Add("listeners:\n  - {{name: public, listen: \"{}\"}}\n", scenario_.gateway.ToString());
    WriteUpstreams();
    WriteRoutes();
    WriteLimits();
    WriteFallbacks();
    return std::move(text_);
  }

 private:
  template <typename... Values>
  void Add(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
  }

  void WriteUpstreams() {
    if (!scenario_.upstreams.empty()) Add("upstreams:\n");
    for (const Upstream& upstream : scenario_.upstreams) {
      Add("  - name: {}\n    endpoints: [", upstream.name);
      for (std::size_t i = 0; i < upstream.endpoints.size(); ++i)
        Add("{}\"{}\"", i == 0 ? "" : ", ", upstream.endpoints[i].ToString());
      Add("]\n");
      const auto breaker =
          std::ranges::find(scenario_.breakers, upstream.name, &GivenBreaker::upstream);
      if (breaker != scenario_.breakers.end()) WriteBreaker(*breaker);
    }
  }

  // One probe decides, and then all may pass: what the sentence says and no more.
  void WriteBreaker(const GivenBreaker& breaker) {
    Add("    circuit_breaker:\n      consecutive_failures: {}\n", breaker.failures);
    Add("      wait_duration_in_open_state: {}\n", Duration(breaker.wait));
    Add("      wait_backoff: {{jitter: 0}}\n");
    Add("      permitted_number_of_calls_in_half_open_state: 1\n");
    Add("      recovery_ramp: {{window: 0s}}\n");
  }

  void WriteRoutes() {
    if (!scenario_.upstreams.empty()) Add("routes:\n");
    for (const Upstream& upstream : scenario_.upstreams) {
      const std::string path = "/" + upstream.name;
      Add("  - name: {}\n    match: {{path_prefix: {}}}\n    upstream: {}\n", upstream.name, path,
          upstream.name);
      const GivenTimeout* timeout = ForPath(scenario_.timeouts, path);
      Add("    timeout: {}\n",
          Duration(timeout == nullptr ? Nanos(std::chrono::seconds(1)) : timeout->timeout));
      if (ForPath(scenario_.limits, path) != nullptr) {
        Add("    rate_limits: [{}-limit]\n", upstream.name);
      }
      if (ForPath(scenario_.fallbacks, path) != nullptr) {
        Add("    degrade: {}-fallback\n", upstream.name);
      }
    }
  }

  void WriteLimits() {
    if (!scenario_.limits.empty()) Add("rate_limits:\n");
    for (const GivenLimit& limit : scenario_.limits) {
      Add("  - {{name: {}-limit, limit: {}, period: {}", limit.path.substr(1), limit.limit,
          Duration(limit.period));
      if (limit.burst) Add(", burst: {}", *limit.burst);
      Add("}}\n");
    }
  }

  void WriteFallbacks() {
    if (!scenario_.fallbacks.empty()) Add("degrade:\n");
    for (const GivenFallback& fallback : scenario_.fallbacks) {
      Add("  {}-fallback: {{chain: [{{static: {{status: {}, body: {}}}}}]}}\n",
          fallback.path.substr(1), fallback.status, Quoted(fallback.body));
    }
  }

  const Scenario& scenario_;
  std::string text_;
};

}  // namespace

std::string WriteConfig(const Scenario& scenario) {
  return Writer(scenario).Write();
}

}  // namespace sluice::scenario
