// Writes text as a JSON string (RFC 8259 §7), for log lines and error bodies.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::wire {

// Appends `text` with its quotes. Control characters, '"' and '\' are escaped; bytes that are not
// UTF-8 become U+FFFD, one for each maximal broken piece, so that the result is always valid.
void AppendJsonString(std::string_view text, std::string& out);

// The same without the quotes around it.
void AppendJsonEscaped(std::string_view text, std::string& out);

// True when `text` stands for itself: printable ASCII with neither '"' nor '\'. Such text may be
// written without escaping, which is the usual case and fast to find out.
[[nodiscard]] bool IsPlainJson(std::string_view text);

// No byte takes more than this many when it is escaped.
inline constexpr std::size_t kJsonBytesPerByteMax = 6;

}  // namespace sluice::wire
