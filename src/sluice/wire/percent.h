// Percent-encoding (RFC 3986 §2.1).

#pragma once

#include <string>
#include <string_view>

namespace sluice::wire {

// The byte that the escape at the begin of `text` stands for; -1 where it is no escape ("%4",
// "%zz").
[[nodiscard]] int DecodeEscape(std::string_view text);

// Letters, digits, '-', '.', '_' and '~': an escape of these means the same as the byte itself.
[[nodiscard]] bool IsUnreserved(char c);

// A name or a value of a query: escapes are decoded and '+' is a space. What only looks like an
// escape stays as it is. The view is of `part` where there was nothing to decode, else of
// `scratch`.
[[nodiscard]] std::string_view DecodeQueryPart(std::string_view part, std::string& scratch);

}  // namespace sluice::wire
