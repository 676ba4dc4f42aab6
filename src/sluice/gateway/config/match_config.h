// The part of Config that says which requests are meant: see config.h for the rules.

#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sluice::gateway::config {

// How one value of a request is compared. At most one of the three; none: present at all.
struct HeaderMatch {
  std::string name;                   // Lower-cased by LoadConfig. Required.
  std::optional<std::string> exact;   // The whole value, octet by octet.
  std::optional<std::string> prefix;  // The value's beginning.
  std::optional<std::string> regex;   // RE2, matching the whole value.
  std::optional<bool> present;        // true: must be there; false: must be absent.
};

struct QueryMatch {
  std::string name;                  // As decoded. Required.
  std::optional<std::string> exact;  // The whole decoded value.
  std::optional<bool> present;
};

// All parts must hold. At most one of the three paths; none matches every path.
struct MatchConfig {
  std::string host;         // "shop.example.com", "*.example.com" (one label or more); empty: any.
  std::string path_exact;   // "/healthz".
  std::string path_prefix;  // "/search": itself and all below "/search/", but not "/searching".
  std::string path_template;         // "/users/{id}/orders": a name stands for one whole segment.
  std::vector<std::string> methods;  // Upper case; empty: any.
  std::vector<HeaderMatch> headers;
  std::vector<QueryMatch> query;
};

}  // namespace sluice::gateway::config
