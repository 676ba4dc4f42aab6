#include "sluice/wire/recording/masked_text.h"

#include <algorithm>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {

bool IsMasked(std::string_view value) {
  return value.size() == kMaskedSize && value.starts_with(kMaskedPrefix) &&
         std::ranges::all_of(value.substr(kMaskedPrefix.size()),
                             [](char c) { return HexValue(c) >= 0; });
}

bool AppendMasked(std::string_view value, const KeyedHash& hash, std::string& out) {
  if (value.empty() || IsMasked(value)) {
    out += value;
    return false;
  }
  out += kMaskedPrefix;
  const std::uint64_t hashed = hash.Of(value);
  for (int shift = 60; shift >= 0; shift -= 4)
    out += kHexLower[(hashed >> static_cast<unsigned>(shift)) & 0xfU];
  return true;
}

}  // namespace sluice::wire::recording
