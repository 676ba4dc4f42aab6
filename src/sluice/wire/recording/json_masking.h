// Masks members of JSON documents in place, without reading the document into a tree.
//
// The document may be cut anywhere and may be wrong: what looks like a member is treated as one, so
// that a broken document hides no secret. Everything that is not masked keeps its bytes.

#pragma once

#include <cstddef>
#include <string>

#include "sluice/wire/recording/field_names.h"
#include "sluice/wire/recording/keyed_hash.h"

namespace sluice::wire::recording {

// True when the first byte of the document begins an object or an array. In front of it there may
// be white space, a byte order mark, a guard against inclusion as a script (`)]}'`, `while(1);`,
// `for(;;);`), and the fields of an event stream.
[[nodiscard]] bool LooksLikeJson(std::string_view text);

// Replaces the value of each member that `fields` names, at any depth beneath it too, by a string
// (masked_text.h); true, false and null stay. Returns how many values were replaced.
std::size_t MaskJson(std::string& text, const FieldNames& fields, const KeyedHash& hash);

}  // namespace sluice::wire::recording
