// Writes text as a JSON string (RFC 8259 §7), for log lines and error bodies.

#pragma once

#include <string>
#include <string_view>

namespace sluice::wire {

// Appends `text` with its quotes. Control characters, '"' and '\' are escaped; bytes that are not
// UTF-8 become U+FFFD, one for each maximal broken piece, so that the result is always valid.
void AppendJsonString(std::string_view text, std::string& out);

// The same without the quotes around it.
void AppendJsonEscaped(std::string_view text, std::string& out);

}  // namespace sluice::wire
