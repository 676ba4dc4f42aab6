#include "sluice/wire/field_line.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

// 0: no tchar; kToken: one; kToken | kUnderscore: the one that policy asks about.
constexpr std::uint8_t kToken = 1;
constexpr std::uint8_t kUnderscore = 2;

constexpr std::array<std::uint8_t, 256> MakeNameTable() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < 256; ++c)
    table[c] = internal::kTokenTable[c] ? kToken : 0;
  table['_'] |= kUnderscore;
  return table;
}
constexpr std::array<std::uint8_t, 256> kNameTable = MakeNameTable();

Refusal WhyNoName(std::string_view line, std::size_t at) {
  if (at == 0 && IsWhitespace(line[0])) {
    return Refuse("a header line begins with white space (obs-fold)");
  }
  if (at == line.size()) return Refuse("a header line has no colon");
  if (line[at] == ':') return Refuse("a header name is empty");
  if (IsWhitespace(line[at])) return Refuse("white space before the colon of a header");
  return Refuse("a header name is not a token");
}

}  // namespace

Refusal ReadFieldLine(std::string_view line, FieldLine& out) {
  const char* const end = line.data() + line.size();
  const char* at = line.data();
  std::uint8_t seen = 0;
  for (; at != end; ++at) {
    const std::uint8_t kind = kNameTable[static_cast<unsigned char>(*at)];
    if (kind == 0) break;
    seen |= kind;
  }
  const auto colon = static_cast<std::size_t>(at - line.data());
  if (colon == 0 || at == end || *at != ':') return WhyNoName(line, colon);

  const std::string_view raw = line.substr(colon + 1);
  const std::string_view value = TrimWhitespace(raw);
  if (!IsFieldValue(value)) return Refuse("a control character in a header value");

  out.field.name = line.substr(0, colon);
  out.field.value = value;
  out.field.id = IdentifyHeader(out.field.name);
  out.has_underscore = (seen & kUnderscore) != 0;
  out.has_space_behind = !raw.empty() && IsWhitespace(raw.back());
  return kFine;
}

}  // namespace sluice::wire
