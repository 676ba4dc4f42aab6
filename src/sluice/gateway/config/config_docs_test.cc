// The committed documents agree with the descriptions they are made from.
//
// After a change to describe*.cc: SLUICE_UPDATE_GOLDEN=1 gateway_config_test
// --gtest_filter='ConfigDocs.*' writes them anew.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/show.h"

namespace sluice::gateway::config {
namespace {

const std::string kDocs = std::string(SLUICE_SOURCE_DIR) + "/docs/";
constexpr std::string_view kBegin =
    "<!-- begin: generated from gateway/config/describe*.cc -->\n\n";
constexpr std::string_view kEnd = "\n<!-- end: generated -->\n";
constexpr std::string_view kAdvice =
    "run SLUICE_UPDATE_GOLDEN=1 gateway_config_test --gtest_filter='ConfigDocs.*'";

bool IsUpdating() {
  return std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// The first ```yaml block of the page.
std::string FirstExample(const std::string& page) {
  constexpr std::string_view kFence = "```yaml\n";
  const std::size_t begin = page.find(kFence);
  if (begin == std::string::npos) return {};
  const std::size_t text = begin + kFence.size();
  return page.substr(text, page.find("```\n", text) - text);
}

TEST(ConfigDocs, TheReferencePageIsUpToDate) {
  const std::string path = kDocs + "configuration.md";
  const std::string page = ReadFile(path);
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = page.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::size_t text = begin + kBegin.size();
  const std::string wanted = page.substr(0, text) + ReferencePage() + page.substr(end);
  if (IsUpdating()) WriteFile(path, wanted);
  EXPECT_TRUE(IsUpdating() || page == wanted) << kAdvice;
}

TEST(ConfigDocs, TheSchemaIsUpToDate) {
  const std::string path = kDocs + "sluice.schema.json";
  if (IsUpdating()) WriteFile(path, JsonSchema());
  EXPECT_EQ(ReadFile(path), JsonSchema()) << kAdvice;
}

TEST(ConfigDocs, TheExampleHasNoProblemsAndNoWarnings) {
  const std::string example = FirstExample(ReadFile(kDocs + "configuration.md"));
  ASSERT_FALSE(example.empty());
  EXPECT_EQ(FormatProblems(LoadConfig(example, "configuration.md")), "");
}

TEST(ConfigDocs, TheExampleShowsEverySection) {
  const std::string example = FirstExample(ReadFile(kDocs + "configuration.md"));
  for (const std::string section : {"admin", "data_dir", "workers", "listeners", "upstreams",
                                    "routes", "rate_limits", "degrade", "telemetry", "drain"}) {
    EXPECT_NE(("\n" + example).find("\n" + section + ":"), std::string::npos) << section;
  }
}

}  // namespace
}  // namespace sluice::gateway::config
