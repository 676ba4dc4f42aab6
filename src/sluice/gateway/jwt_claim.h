// JwtClaim: what a JSON Web Token says of its bearer (RFC 7519), read and not verified.
//
// Enough to tell users apart: whoever forges one only chooses the version that he sees. Nothing is
// allowed because of it.
//
// Pure; any thread.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::gateway {

// The text or number `claim` (a name of the top level) of the token in `authorization`, such as
// "Bearer eyJ…". Nothing where there is none. The view is of `scratch`, or of static storage.
[[nodiscard]] std::optional<std::string_view> JwtClaim(std::string_view authorization,
                                                       std::string_view claim,
                                                       std::string& scratch);

}  // namespace sluice::gateway
