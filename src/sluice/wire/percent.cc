#include "sluice/wire/percent.h"

#include <cstddef>

#include "sluice/wire/ascii.h"

namespace sluice::wire {

int DecodeEscape(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = HexValue(text[1]);
  const int low = HexValue(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool IsUnreserved(char c) {
  const char lower = ToLower(c);
  return IsDigit(c) || (lower >= 'a' && lower <= 'z') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

std::string_view DecodeQueryPart(std::string_view part, std::string& scratch) {
  if (part.find_first_of("%+") == std::string_view::npos) return part;
  scratch.clear();
  for (std::size_t i = 0; i < part.size(); ++i) {
    const int decoded = DecodeEscape(part.substr(i));
    if (decoded >= 0) {
      scratch.push_back(static_cast<char>(decoded));
      i += 2;
    } else {
      scratch.push_back(part[i] == '+' ? ' ' : part[i]);
    }
  }
  return scratch;
}

}  // namespace sluice::wire
