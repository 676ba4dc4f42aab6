#include "sluice/wire/traceparent.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

#include "sluice/wire/ascii.h"
#include "sluice/wire/pen.h"

namespace sluice::wire {
namespace {

// Trace Context allows lower-case digits only.
int LowerHexValue(char c) {
  return c >= 'A' && c <= 'F' ? -1 : HexValue(c);
}

bool ReadHex(std::string_view text, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = LowerHexValue(text[i * 2]);
    const int low = LowerHexValue(text[i * 2 + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

bool IsAllZero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// Never all zero, which the standard takes for "invalid".
void Fill(std::span<std::uint8_t> bytes, Random& random) {
  do {
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      std::uint64_t word = random.Next();
      // Little-endian on every machine: seeds must mean the same ids everywhere.
      if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
      std::memcpy(&bytes[i], &word, 8);
    }
  } while (IsAllZero(bytes));
}

std::string_view KeyOf(std::string_view member) {
  return TrimWhitespace(member.substr(0, member.find('=')));
}

}  // namespace

std::optional<TraceParent> ParseTraceParent(std::string_view text) {
  if (text.size() < kTraceParentSize) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceParent trace;
  if (!ReadHex(text.substr(0, 2), version) || !ReadHex(text.substr(3, 32), trace.trace_id) ||
      !ReadHex(text.substr(36, 16), trace.parent_id) || !ReadHex(text.substr(53, 2), flags)) {
    return std::nullopt;
  }
  const bool is_longer = text.size() > kTraceParentSize;
  if (version[0] == 0xff || (version[0] == 0 && is_longer)) return std::nullopt;
  if (is_longer && text[kTraceParentSize] != '-') return std::nullopt;
  if (IsAllZero(trace.trace_id) || IsAllZero(trace.parent_id)) return std::nullopt;
  trace.flags = flags[0];
  return trace;
}

TraceParent NewTraceParent(Random& random) {
  TraceParent trace;
  Fill(trace.trace_id, random);
  Fill(trace.parent_id, random);
  return trace;
}

TraceParent ChildOf(const TraceParent& parent, Random& random) {
  TraceParent child = parent;
  Fill(child.parent_id, random);
  return child;
}

void AppendTraceParent(const TraceParent& trace, std::string& out) {
  Pen pen(out, kTraceParentSize);
  pen << "00-";
  pen.Hex(trace.trace_id);
  pen << '-';
  pen.Hex(trace.parent_id);
  pen << '-';
  pen.Hex({&trace.flags, 1});
}

void AppendTraceId(const TraceParent& trace, std::string& out) {
  Pen pen(out, trace.trace_id.size() * 2);
  pen.Hex(trace.trace_id);
}

std::optional<std::string_view> FindBaggageMember(std::string_view baggage, std::string_view key) {
  for (std::string_view rest = baggage; !rest.empty();) {
    const std::string_view member = TakeListElement(rest);
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || KeyOf(member) != key) continue;
    const std::string_view value = member.substr(equals + 1);
    return TrimWhitespace(value.substr(0, value.find(';')));
  }
  return std::nullopt;
}

void AppendBaggageWithout(std::string_view baggage, std::string_view key, std::string& out) {
  bool is_first = true;
  for (std::string_view rest = baggage; !rest.empty();) {
    const std::string_view member = TakeListElement(rest);
    if (member.empty() || KeyOf(member) == key) continue;
    if (!is_first) out.push_back(',');
    out.append(member);
    is_first = false;
  }
}

}  // namespace sluice::wire
