#include "sluice/gateway/config/findings.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

bool IsPlainKey(std::string_view key) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), is_plain);
}

bool IsBefore(const Problem& a, const Problem& b) {
  return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
}

}  // namespace

std::string Child(const std::string& path, std::string_view key) {
  if (!IsPlainKey(key)) return fmt::format("{}[\"{}\"]", path, Shown(key));
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string Child(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

// A setting that was left out has the place of what it would have been in.
Mark Findings::PlaceOf(std::string path) const {
  while (true) {
    const auto found = places_.find(path);
    if (found != places_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) break;
    path.resize(cut);
  }
  const auto root = places_.find("");
  return root == places_.end() ? Mark{} : root->second;
}

Problem Findings::Make(Mark mark, std::string path, std::string text) const {
  return {.place = {.file = file_, .line = mark.line, .column = mark.column},
          .path = std::move(path),
          .text = std::move(text)};
}

void Findings::Complain(const std::string& path, std::string text) {
  if (refused_.contains(path)) return;
  AddProblem(full() ? Mark{} : PlaceOf(path), path, std::move(text));
}

void Findings::ComplainAt(Mark mark, std::string path, std::string text) {
  if (!full()) refused_.insert(path);
  AddProblem(mark, std::move(path), std::move(text));
}

void Findings::AddProblem(Mark mark, std::string path, std::string text) {
  has_problems_ = true;
  ++problems_total_;
  if (!full()) problems_.push_back(Make(mark, std::move(path), std::move(text)));
}

void Findings::WarnUnused(const std::string& path, std::string text) {
  if (unused_.size() < kFindingsMax) unused_.push_back(Make(PlaceOf(path), path, std::move(text)));
}

void Findings::Warn(const std::string& path, std::string text) {
  ++warnings_total_;
  if (warnings_.size() >= kFindingsMax) return;
  warnings_.push_back(Make(PlaceOf(path), path, std::move(text)));
}

std::vector<Problem> Findings::Take(std::vector<Problem>& list, std::size_t total) {
  // Equal places keep their order. std::stable_sort would do, but clang warns of what the libstdc++
  // of g++ 12 uses for it; the list is short.
  std::vector<Problem> taken;
  for (Problem& problem : list)
    taken.insert(std::upper_bound(taken.begin(), taken.end(), problem, IsBefore),
                 std::move(problem));
  list.clear();
  if (total > taken.size()) {
    taken.push_back(Make({}, "", fmt::format("{} more are not shown", total - taken.size())));
  }
  return taken;
}

std::vector<Problem> Findings::TakeProblems() {
  return Take(problems_, std::exchange(problems_total_, 0));
}

std::vector<Problem> Findings::TakeWarnings() {
  for (Problem& problem : unused_) {
    if (has_problems_) break;
    ++warnings_total_;
    if (warnings_.size() < kFindingsMax) warnings_.push_back(std::move(problem));
  }
  unused_.clear();
  return Take(warnings_, std::exchange(warnings_total_, 0));
}

}  // namespace sluice::gateway::config
