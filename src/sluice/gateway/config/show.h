// Configuration turned back into text: the effective values, the schema and the reference page.

#pragma once

#include <cstdint>
#include <string>

#include "sluice/gateway/config/config.h"

namespace sluice::gateway::config {

// All: every setting with the value in force. Changed: what differs from its default.
enum class Detail : std::uint8_t { kAll, kChanged };

// LoadConfig() reads either back to an equal Config. No secrets: the admin token is only ever a
// file's name.
[[nodiscard]] std::string ToYaml(const Config& config, Detail detail = Detail::kAll);
[[nodiscard]] std::string ToJson(const Config& config);

// The JSON Schema (2020-12) of a configuration: docs/sluice.schema.json.
[[nodiscard]] std::string JsonSchema();

// The tables of docs/configuration.md.
[[nodiscard]] std::string ReferencePage();

}  // namespace sluice::gateway::config
