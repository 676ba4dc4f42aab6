// HAR 1.2: recordings as browsers, proxies and most HTTP tools read and write them.
//
// What HAR has no member for is in a member `_sluice` of each entry, so that an exchange that was
// written and read again is the same. Bytes that are no UTF-8 text are Base64.

#pragma once

#include <string>
#include <string_view>

#include "sluice/wire/recording/imported.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

// A file is AppendHarBegin, entries, AppendHarEnd.
void AppendHarBegin(std::string_view creator_version, std::string& out);
enum class HarPlace : unsigned char { kFirst, kFurther };
void AppendHarEntry(const RecordedExchange& exchange, HarPlace place, std::string& out);
void AppendHarEnd(std::string& out);

// Any bytes give an outcome; entries of a file that was cut off are read as far as they go. Entries
// that are no HTTP exchange count as unreadable.
[[nodiscard]] Imported ReadHar(std::string_view file);

}  // namespace sluice::wire::recording
