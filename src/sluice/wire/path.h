// One normal form of a path, for matching and for forwarding alike.
//
// Were a rule matched against the raw path, `/%70ay` and `/x/../pay` would walk past a rule for
// `/pay`. So unreserved characters are decoded, other escapes are written with upper-case digits
// and dot segments are resolved (RFC 3986 §6.2.2); nothing else changes: `//` stays, `;` stays.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::wire {

// Returns the normal form: `path` itself where it is normal already, else a view of `scratch`,
// whose capacity is reused. "*" is normal. Applying it twice changes nothing more.
//
// Fails with kBadRequest (side kClient) on an escape that is not two hex digits, on %2F, %5C and
// %00, on a byte that may not be in a path (control, space, '\', '?', '#', non-ASCII), and where
// the path does not begin with '/'.
[[nodiscard]] Result<std::string_view> NormalizePath(std::string_view path, std::string& scratch);

}  // namespace sluice::wire
