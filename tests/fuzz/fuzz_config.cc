// Configuration: any text is answered, and what is taken can be shown and taken again unchanged.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/show.h"

namespace sluice::fuzz {
namespace {

using gateway::config::FormatProblems;
using gateway::config::FormatProblemsJson;
using gateway::config::LoadConfig;
using gateway::config::LoadOutcome;
using gateway::config::Problem;

void CheckPlaces(const LoadOutcome& outcome) {
  const Problem* before = nullptr;
  for (const Problem& problem : outcome.problems) {
    SLUICE_ASSERT(problem.place.line >= 0 && problem.place.column >= 0);
    SLUICE_ASSERT(!problem.text.empty());
    const bool is_ordered =
        before == nullptr || problem.place.line == 0 || before->place.line <= problem.place.line;
    SLUICE_ASSERT(is_ordered);
    before = &problem;
  }
}

void FuzzConfig(std::string_view text) {
  const LoadOutcome outcome = LoadConfig(text, "fuzz.yaml");
  CheckPlaces(outcome);
  SLUICE_ASSERT(FormatProblems(outcome).empty() ==
                (outcome.problems.empty() && outcome.warnings.empty()));
  SLUICE_ASSERT(!FormatProblemsJson(outcome).empty());
  const std::string yaml = ToYaml(outcome.config);
  const std::string json = ToJson(outcome.config);
  if (!outcome.ok()) return;
  const LoadOutcome from_yaml = LoadConfig(yaml, "shown.yaml");
  SLUICE_ASSERT(from_yaml.ok());
  SLUICE_ASSERT(ToYaml(from_yaml.config) == yaml);
  const LoadOutcome from_json = LoadConfig(json, "shown.json");
  SLUICE_ASSERT(from_json.ok());
  SLUICE_ASSERT(ToJson(from_json.config) == json);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const ExactCopy copy(AsText(data, size));
  FuzzConfig(copy.view());
  return 0;
}
