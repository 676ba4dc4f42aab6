// Router: which route answers a request. The first match wins, in the order of the configuration.
//
// Immutable; any thread may ask. Matching allocates nothing: the views in the outcome point into
// the request and the router.

#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/gateway/config/config.h"
#include "sluice/wire/http_head.h"

namespace re2 {
class RE2;
}

namespace sluice::gateway {

struct PathCapture {
  std::string_view name;   // As in the template, without braces.
  std::string_view value;  // One whole segment of the normalised path.
};

// What a path template caught; at most eight (the loader refuses more).
class PathCaptures {
 public:
  static constexpr std::size_t kMax = 8;

  void Clear() { count_ = 0; }
  void Add(const PathCapture& capture) {
    if (count_ < kMax) captures_[count_++] = capture;
  }
  // Empty when nothing was caught under that name.
  [[nodiscard]] std::string_view Find(std::string_view name) const;

 private:
  std::array<PathCapture, kMax> captures_{};
  std::size_t count_ = 0;
};

// What a request is matched by.
struct RouteQuery {
  const wire::RequestHead* head = nullptr;
  std::string_view path;           // In normal form.
  std::string* scratch = nullptr;  // For decoded query parameters; its capacity is reused.
};

// One compiled `match`.
class RouteMatcher {
 public:
  // Fails with kInvalidConfig for what the loader should have refused (a bad regular expression).
  [[nodiscard]] static Result<RouteMatcher> Create(const config::MatchConfig& match);
  RouteMatcher(RouteMatcher&&) noexcept;
  RouteMatcher& operator=(RouteMatcher&&) noexcept;
  ~RouteMatcher();

  // True when every part holds; `captures` is then what the template caught.
  [[nodiscard]] bool Matches(const RouteQuery& query, PathCaptures& captures) const;

  // True when only the method does not fit: the answer is then 405 instead of 404.
  [[nodiscard]] bool MatchesButMethod(const RouteQuery& query, PathCaptures& captures) const;

  [[nodiscard]] const config::MatchConfig& match() const { return match_; }

 private:
  struct Segment {
    std::string text;  // The literal, or the name of a capture.
    bool is_capture = false;
  };

  RouteMatcher();
  [[nodiscard]] bool MatchesHost(std::string_view authority) const;
  [[nodiscard]] bool MatchesPath(std::string_view path, PathCaptures& captures) const;
  [[nodiscard]] bool MatchesTemplate(std::string_view path, PathCaptures& captures) const;
  [[nodiscard]] bool MatchesMethod(const wire::RequestHead& head) const;
  [[nodiscard]] bool MatchesHeaders(const wire::RequestHead& head) const;
  [[nodiscard]] bool MatchesQuery(const RouteQuery& query) const;

  config::MatchConfig match_;
  std::vector<Segment> segments_;                       // Of the template.
  std::vector<std::unique_ptr<re2::RE2>> expressions_;  // As match_.headers; null: no regex.
};

// The host of an authority without its port: "[::1]:80" → "[::1]".
[[nodiscard]] std::string_view HostOf(std::string_view authority);

}  // namespace sluice::gateway
