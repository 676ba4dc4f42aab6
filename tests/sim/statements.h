// Statements: a scenario's text cut into its sentences and their blocks.
//
// A sentence begins at the start of a line; a ` \` at its end joins the next line to it. Indented
// lines below it are its block. Blank lines and lines that begin with `#` part sentences.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::scenario {

struct Statement {
  int line = 0;  // From 1.
  std::string text;
  std::string block;   // Its indentation removed; empty when there is none.
  int block_line = 0;  // Of the block's first line.
};

// `first_line` is the number of the first line of `text`.
[[nodiscard]] std::vector<Statement> SplitStatements(std::string_view text, int first_line);

}  // namespace sluice::scenario
