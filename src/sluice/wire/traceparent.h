// W3C Trace Context: the `traceparent` header, and members of `baggage`.
//
//   traceparent = version "-" trace-id "-" parent-id "-" flags       (all lower-case hex)
//                 2 HEXDIG    32 HEXDIG    16 HEXDIG     2 HEXDIG

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/random.h"

namespace sluice::wire {

struct TraceParent {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> parent_id{};
  std::uint8_t flags = 0;  // Bit 0: sampled.

  [[nodiscard]] bool is_sampled() const { return (flags & 1U) != 0; }
  friend bool operator==(const TraceParent&, const TraceParent&) = default;
};

inline constexpr std::size_t kTraceParentSize = 55;

// nullopt where the text is no traceparent; then a new trace is begun (Trace Context §3.2.2). A
// later version than 00 is read as far as it agrees with 00 and is written as 00.
[[nodiscard]] std::optional<TraceParent> ParseTraceParent(std::string_view text);

// A new trace, sampled flag unset. Ids are never all zero.
[[nodiscard]] TraceParent NewTraceParent(Random& random);

// The same trace with a new parent id: what goes to the upstream.
[[nodiscard]] TraceParent ChildOf(const TraceParent& parent, Random& random);

// Appends the 55 characters, and the 32 of the trace id alone.
void AppendTraceParent(const TraceParent& trace, std::string& out);
void AppendTraceId(const TraceParent& trace, std::string& out);

// Value of the member `key` of a `baggage` header, without properties; nullopt when absent.
[[nodiscard]] std::optional<std::string_view> FindBaggageMember(std::string_view baggage,
                                                                std::string_view key);

// Appends `baggage` without the members called `key`: what an untrusted peer may not set.
void AppendBaggageWithout(std::string_view baggage, std::string_view key, std::string& out);

}  // namespace sluice::wire
