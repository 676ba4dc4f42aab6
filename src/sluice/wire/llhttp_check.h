// The second opinion: llhttp reads a head that our scan has accepted, and must have understood the
// same. It finds what a hole in our own rules would let through.

#pragma once

#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/wire/head_facts.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

// `head` is the whole head with its empty line. Refuses with kMethodNotAllowed where llhttp does
// not know the method, and with kBadRequest where it refuses the head or differs in method,
// version, framing, length, number of fields or upgrade.
Refusal CheckRequestWithLlhttp(ByteView head, std::string_view method, const HeadFacts& facts);

Refusal CheckResponseWithLlhttp(ByteView head, int status, const HeadFacts& facts);

}  // namespace sluice::wire
