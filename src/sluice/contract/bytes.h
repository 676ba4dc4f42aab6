// Views of bytes. HTTP is text on the wire, so a view of bytes is a std::string_view here: the
// parsers, the header table and the sockets all speak of the same thing.

#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {

using ByteView = std::string_view;

// A size in bytes, as configuration and limits speak of it.
using Bytes = std::size_t;

inline constexpr Bytes kKiB = 1024;
inline constexpr Bytes kMiB = 1024 * kKiB;

}  // namespace sluice
