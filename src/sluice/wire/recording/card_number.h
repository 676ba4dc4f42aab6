// Card numbers in any text: 13 to 19 digits that begin as an issuer's numbers do and whose last
// digit is right (ISO/IEC 7812-1, Luhn), together or in the usual groups of four to six.
//
// Whoever cuts a text may cut a number: what is left of it at the end is found, too, when told so.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sluice/wire/recording/keyed_hash.h"

namespace sluice::wire::recording {

// True when the last digit is the check digit of the others. `digits` holds digits only.
[[nodiscard]] bool HasLuhnCheck(std::string_view digits);

// True for 13 to 19 digits of an issuer of payment cards with a right check digit.
[[nodiscard]] bool IsCardNumber(std::string_view digits);

// Whether `text` ends because it ends, or because it was cut there.
enum class TextEnd : unsigned char { kWhole, kCut };

// Replaces the digits of each card number by as many others, and leaves what is between them: equal
// numbers stay equal, in whatever groups they were written. What comes out is no card number, so
// doing it again changes nothing. Returns how many were found.
std::size_t MaskCardNumbers(std::string& text, TextEnd end, const KeyedHash& hash);

}  // namespace sluice::wire::recording
