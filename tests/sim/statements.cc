#include "tests/sim/statements.h"

#include <algorithm>
#include <optional>

namespace sluice::scenario {
namespace {

struct Line {
  int number = 0;
  std::string_view text;

  [[nodiscard]] bool blank() const {
    return text.find_first_not_of(" \t\r") == std::string_view::npos;
  }
  [[nodiscard]] bool indented() const { return text.front() == ' ' || text.front() == '\t'; }
  [[nodiscard]] std::size_t indent() const { return text.find_first_not_of(" \t"); }
};

std::vector<Line> SplitLines(std::string_view text, int first_line) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back({.number = first_line++, .text = text.substr(0, end)});
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

// Removes what all lines that are not blank have in common.
std::string Unindent(const std::vector<Line>& lines) {
  std::size_t common = std::string_view::npos;
  for (const Line& line : lines) {
    if (!line.blank()) common = std::min(common, line.indent());
  }
  std::string block;
  for (const Line& line : lines) {
    if (!line.blank()) block += line.text.substr(common);
    block += '\n';
  }
  return block;
}

class Splitter {
 public:
  explicit Splitter(std::vector<Line> lines) : lines_(std::move(lines)) {}

  std::vector<Statement> Run() {
    while (next_ < lines_.size()) {
      if (lines_[next_].blank() || lines_[next_].text.front() == '#') {
        ++next_;
      } else {
        statements_.push_back(TakeStatement());
      }
    }
    return std::move(statements_);
  }

 private:
  Statement TakeStatement() {
    Statement statement{.line = lines_[next_].number};
    while (next_ < lines_.size()) {
      std::string_view text = lines_[next_++].text;
      const bool goes_on = text.ends_with(" \\");
      if (goes_on) text.remove_suffix(1);
      statement.text += text;
      if (!goes_on) break;
    }
    std::vector<Line> block;
    while (next_ < lines_.size() && (lines_[next_].blank() || lines_[next_].indented()))
      block.push_back(lines_[next_++]);
    while (!block.empty() && block.back().blank())
      block.pop_back();
    if (!block.empty()) {
      statement.block = Unindent(block);
      statement.block_line = block.front().number;
    }
    return statement;
  }

  std::vector<Line> lines_;
  std::vector<Statement> statements_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<Statement> SplitStatements(std::string_view text, int first_line) {
  return Splitter(SplitLines(text, first_line)).Run();
}

}  // namespace sluice::scenario
