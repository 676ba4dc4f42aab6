// A path with names for some of its segments: "/users/{id}/orders".

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"

namespace sluice::gateway::config {

class PathTemplate {
 public:
  struct Segment {
    bool is_variable = false;
    std::string text;  // The variable's name, or the literal segment.
    friend bool operator==(const Segment&, const Segment&) = default;
  };

  // A variable stands for exactly one whole, non-empty segment and each name stands once. Fails
  // with kInvalidOption and a detail that begins with "must".
  [[nodiscard]] static Result<PathTemplate> Parse(std::string_view text);

  // "/users/{id}" has the segments `users` and `{id}`; a path that ends in "/" has an empty last
  // one.
  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }

  [[nodiscard]] bool HasVariable(std::string_view name) const;

 private:
  std::vector<Segment> segments_;
};

}  // namespace sluice::gateway::config
