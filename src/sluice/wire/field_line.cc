#include "sluice/wire/field_line.h"

#include <cstddef>

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

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
  std::size_t colon = 0;
  bool has_underscore = false;
  while (colon < line.size() && IsTokenChar(line[colon])) {
    has_underscore |= line[colon] == '_';
    ++colon;
  }
  if (colon == 0 || colon == line.size() || line[colon] != ':') return WhyNoName(line, colon);

  const std::string_view raw = line.substr(colon + 1);
  const std::string_view value = TrimWhitespace(raw);
  if (!IsFieldValue(value)) return Refuse("a control character in a header value");

  const std::string_view name = line.substr(0, colon);
  out = {.field = {.name = name, .value = value, .id = IdentifyHeader(name)},
         .has_underscore = has_underscore,
         .has_space_behind = !raw.empty() && IsWhitespace(raw.back())};
  return kFine;
}

}  // namespace sluice::wire
