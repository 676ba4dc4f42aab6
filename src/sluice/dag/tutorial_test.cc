// docs/dag.md is right: its program is the example, word for word, and prints what the page says.

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace {

std::string FileText(const std::string& path) {
  std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string OutputOf(const std::string& program) {
  std::FILE* const pipe = ::popen(program.c_str(), "r");
  if (pipe == nullptr) return "";
  std::string output;
  std::array<char, 256> piece{};
  while (std::fgets(piece.data(), piece.size(), pipe) != nullptr)
    output += piece.data();
  return ::pclose(pipe) == 0 ? output : "";
}

TEST(DagTutorial, TheBlocksOfThePageAreTheExample) {
  const std::string page = FileText("docs/dag.md");
  std::string program;
  for (std::size_t at = page.find("```cpp\n"); at != std::string::npos;
       at = page.find("```cpp\n", at + 1)) {
    const std::size_t begin = at + 7;
    if (!program.empty()) program += "\n";
    program += page.substr(begin, page.find("```", begin) - begin);
  }
  EXPECT_EQ(program, FileText("examples/checkout/main.cc"));
}

TEST(DagTutorial, TheExamplePrintsWhatThePageShows) {
  const std::string page = FileText("docs/dag.md");
  const std::string output = OutputOf(SLUICE_CHECKOUT);
  const std::size_t result = output.find("paid ");
  ASSERT_NE(result, std::string::npos) << output;
  EXPECT_NE(page.find("```mermaid\n" + output.substr(0, result) + "```"), std::string::npos)
      << output;
  EXPECT_NE(page.find("```\n" + output.substr(result) + "```"), std::string::npos) << output;
}

}  // namespace
