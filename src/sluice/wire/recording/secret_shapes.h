// What an audit looks for beside what masking knows: texts that have the shape of a secret.
//
// Masking goes by the structure of a message, and where it takes one for another, or does not know
// a name, an audit by the same rules sees nothing. This goes by the bytes alone: tokens as in
// RFC 7519 anywhere, and a word for passwords, keys or tokens with a value behind `=` or `:`. It
// never changes anything, so it may take too much for a secret; a person looks at what it finds.

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "sluice/wire/recording/masker.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

// How many secrets `text` seems to have; values that are masked are none.
[[nodiscard]] std::size_t CountSecretShapes(std::string_view text);

// Appends one finding (kShape) for each head and body of `exchange` that has such.
void FindSecretShapes(const RecordedExchange& exchange, std::vector<MaskFinding>& findings);

}  // namespace sluice::wire::recording
