// Base64 (RFC 4648 §4), for bytes in JSON and on command lines.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::wire::recording {

void AppendBase64(std::string_view bytes, std::string& out);

// nullopt where `text` is no Base64. White space is looked past, padding may be missing.
[[nodiscard]] std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace sluice::wire::recording
