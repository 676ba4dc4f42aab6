// SHA-256 and HMAC-SHA256 (FIPS 180-4, RFC 2104), by OpenSSL. Pure; any thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::release {

inline constexpr std::size_t kDigestBytes = 32;
using Digest = std::array<std::uint8_t, kDigestBytes>;

[[nodiscard]] Digest Sha256(std::string_view text);
[[nodiscard]] Digest HmacSha256(std::string_view key, std::string_view text);

// Lower case.
[[nodiscard]] std::string Hex(const Digest& digest);

// Takes the same time wherever the two differ, so that a signature cannot be guessed by the clock.
[[nodiscard]] bool SameInConstantTime(std::string_view a, std::string_view b);

}  // namespace sluice::release
