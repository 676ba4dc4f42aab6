// Quantities as a configuration writes them: "1m30s", "64KiB", "250".
//
// Pure text ⇄ value; what Print makes, Read takes back unchanged.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"

namespace sluice::gateway::config {

// Reads a decimal whole number without sign games, spaces or units ("-3" is read, "+3" is not).
[[nodiscard]] std::optional<std::int64_t> ReadCount(std::string_view text);

// Reads a finite decimal number such as "2", "0.5" or "1e3".
[[nodiscard]] std::optional<double> ReadNumber(std::string_view text);

// Reads numbers each with a unit, largest first: "250ms", "1m30s", "1.5s", "0s". Units are d, h, m,
// s, ms, us, ns. Nothing without a unit, and nothing beyond 292 years. Never negative.
[[nodiscard]] std::optional<Nanos> ReadDuration(std::string_view text);

// Reads a whole number with one unit: B, KiB, MiB, GiB, TiB. Decimal units are refused because half
// of their users mean the binary ones.
[[nodiscard]] std::optional<Bytes> ReadSize(std::string_view text);

[[nodiscard]] std::string PrintNumber(double value);
[[nodiscard]] std::string PrintDuration(Nanos value);
[[nodiscard]] std::string PrintSize(Bytes value);

}  // namespace sluice::gateway::config
