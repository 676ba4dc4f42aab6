// The loader refuses exactly the templates that the degrade room refuses, or a configuration that
// was checked would fail when it is put in force.

#include <string_view>

#include <gtest/gtest.h>

#include "sluice/degrade/body_template.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway {
namespace {

TEST(BodyTemplateRule, AgreesWithTheRoomThatFillsTemplates) {
  for (const std::string_view text : {"",
                                      "plain",
                                      "{{path}}",
                                      "{{ path }}",
                                      "{{method}}{{host}}{{reason}}{{rule}}",
                                      "{{retry_after_seconds}}",
                                      "{{header.X-A}}",
                                      "{{query.q}}",
                                      "{{capture.id}}",
                                      "{{header.}}",
                                      "{{header}}",
                                      "{{query}}",
                                      "{{capture.}}",
                                      "{{}}",
                                      "{{ }}",
                                      "{{path",
                                      "{{path}",
                                      "}}",
                                      "{{path}}{{",
                                      "{{Path}}",
                                      "{{path }} {{body}}",
                                      "{{{path}}}",
                                      R"({"a":{"b":{}}})"}) {
    EXPECT_EQ(!config::kBodyTemplateRule.check(text).has_value(),
              degrade::BodyTemplate::Parse(text).has_value())
        << text;
  }
}

}  // namespace
}  // namespace sluice::gateway
