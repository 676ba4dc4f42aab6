// Findings: what is wrong with a text, and where each setting stood in it.
//
// The reader records the place of every value; checks that see only the finished Config find it
// again by its path. Both lists are bounded: a text of nonsense is answered with the beginning.

#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/text_tree.h"

namespace sluice::gateway::config {

inline constexpr std::size_t kFindingsMax = 200;  // Of each kind; more are only counted.

class Findings {
 public:
  explicit Findings(std::string_view file) : file_(file) {}

  void Record(const std::string& path, Mark mark) { places_.emplace(path, mark); }

  // A problem of what stands at `mark`.
  void ComplainAt(Mark mark, std::string path, std::string text);
  // A problem of the setting at `path` with the others. Dropped when its own value was refused by
  // ComplainAt(), since it would only follow from that.
  void Complain(const std::string& path, std::string text);
  void Warn(const std::string& path, std::string text);
  // That nothing names what stands at `path`. Dropped where there is any problem: what should name
  // it is often just what was refused.
  void WarnUnused(const std::string& path, std::string text);

  // True when no further problem will be kept, so that its message need not be made.
  [[nodiscard]] bool full() const { return problems_.size() >= kFindingsMax; }

  // Sorted by place. Leaves this empty.
  [[nodiscard]] std::vector<Problem> TakeProblems();
  [[nodiscard]] std::vector<Problem> TakeWarnings();

  // Where the setting at `path` stands, or what it would be in.
  [[nodiscard]] Mark PlaceOf(std::string path) const;

 private:
  void AddProblem(Mark mark, std::string path, std::string text);
  [[nodiscard]] Problem Make(Mark mark, std::string path, std::string text) const;
  std::vector<Problem> Take(std::vector<Problem>& list, std::size_t total);

  std::string file_;
  std::map<std::string, Mark> places_;
  std::set<std::string> refused_;
  std::vector<Problem> problems_;
  std::vector<Problem> warnings_;
  std::vector<Problem> unused_;
  bool has_problems_ = false;
  std::size_t problems_total_ = 0;
  std::size_t warnings_total_ = 0;
};

// `path` with one more step: "routes[2]" and "match" make "routes[2].match". A key that is no plain
// word is quoted: `overrides["a b"]`.
[[nodiscard]] std::string Child(const std::string& path, std::string_view key);
[[nodiscard]] std::string Child(const std::string& path, std::size_t index);

}  // namespace sluice::gateway::config
