// Writes a recorded request as a command line of curl, for a shell.

#pragma once

#include <string>
#include <string_view>

#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

// `text` as one word of a POSIX shell.
[[nodiscard]] std::string ShellQuoted(std::string_view text);

// The command that sends the request again to where it was sent, one line. Fields that curl writes
// itself (Content-Length, Transfer-Encoding, Connection, …) are left out. A body that is no plain
// text comes from `base64 -d`.
[[nodiscard]] std::string CurlCommand(const RecordedExchange& exchange);

}  // namespace sluice::wire::recording
