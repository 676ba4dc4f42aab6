#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string WithRecord(const std::string& inside) {
  return WithTop("record: {" + inside + "}");
}

TEST(CheckRecord, EverythingHasADefault) {
  const LoadOutcome outcome = LoadConfig(WithRecord(""), "x.yaml");
  ASSERT_TRUE(outcome.ok()) << FormatProblems(outcome);
  ASSERT_TRUE(outcome.config.record);
  EXPECT_EQ(outcome.config.record->path, "recording.db");
  EXPECT_EQ(outcome.config.record->sample_percent, 100);
  EXPECT_EQ(outcome.config.record->reservoir.per_class, 10);
  EXPECT_TRUE(outcome.config.record->masking.enabled);
  EXPECT_FALSE(LoadConfig(WithTop(""), "x.yaml").config.record);
}

TEST(CheckRecord, TakesEachSetting) {
  const LoadOutcome outcome = LoadConfig(
      WithRecord("path: /r.db, sample_percent: 5, sample_by: {header: X-User}, "
                 "rules: [{match: {routes: [r], methods: [GET], path_prefix: /a}, "
                 "sample_percent: 0}], reservoir: {per_class: 3, window: 10s}, "
                 "max_per_second: 100, max_body_bytes: 1KiB, max_bytes: 10MiB, max_age: 24h, "
                 "max_queue_bytes: 2MiB, flush_interval: 100ms, masking: {headers: [X-Secret], "
                 "fields: [iban], json_paths: [\"$.a[*].b\"], card_numbers: false, "
                 "opaque_bodies: keep, key_file: /k}"),
      "x.yaml");
  ASSERT_TRUE(outcome.ok()) << FormatProblems(outcome);
  const RecordConfig& record = *outcome.config.record;
  EXPECT_EQ(record.sample_by->name, "x-user");
  EXPECT_EQ(record.rules.at(0).match.path_prefix, "/a");
  EXPECT_EQ(record.max_per_second, 100);
  EXPECT_THAT(record.masking.headers, ElementsAre("x-secret"));
  EXPECT_EQ(record.masking.opaque_bodies, OpaqueBodies::kKeep);
}

TEST(CheckRecord, NamesMustBeThere) {
  EXPECT_THAT(ProblemsOf(WithRecord("rules: [{match: {routes: [no], listeners: [none]}}]")),
              ElementsAre("record.rules[0].match.routes[0]: no route \"no\"",
                          "record.rules[0].match.listeners[0]: no listener \"none\""));
}

TEST(CheckRecord, AJsonPathMustBeOne) {
  EXPECT_THAT(ProblemsOf(WithRecord("masking: {json_paths: [user.name]}")),
              ElementsAre(HasSubstr("must be a path such as $.user.name")));
}

TEST(CheckRecord, WarnsOfWhatIsProbablyNotMeant) {
  const auto warnings = [](const std::string& inside) {
    std::vector<std::string> texts;
    for (const Problem& warning : LoadConfig(WithRecord(inside), "x.yaml").warnings)
      texts.push_back(warning.ToString());
    return texts;
  };
  EXPECT_THAT(warnings(""), IsEmpty());
  EXPECT_THAT(warnings("masking: {enabled: false}"), ElementsAre(HasSubstr("credentials")));
  EXPECT_THAT(warnings("max_body_bytes: 8MiB, max_queue_bytes: 16MiB"),
              ElementsAre(HasSubstr("room for few")));
  EXPECT_THAT(warnings("rules: [{match: {}}, {match: {routes: [r]}}]"),
              ElementsAre(HasSubstr("never asked")));
}

}  // namespace
}  // namespace sluice::gateway::config
