// What a masked value reads: "masked-" and 16 hex digits of its keyed hash.

#pragma once

#include <string>
#include <string_view>

#include "sluice/wire/recording/keyed_hash.h"

namespace sluice::wire::recording {

inline constexpr std::string_view kMaskedPrefix = "masked-";
inline constexpr std::size_t kMaskedSize = kMaskedPrefix.size() + 16;

// Appends what stands for `value`. A value that is masked already, and an empty one, stay as they
// are; false then.
bool AppendMasked(std::string_view value, const KeyedHash& hash, std::string& out);

[[nodiscard]] bool IsMasked(std::string_view value);

}  // namespace sluice::wire::recording
