// Who is believed: the client's real address, and what it may say about itself.
//
// The client address is the rightmost address of X-Forwarded-For that no trusted proxy owns,
// counted from the socket's peer inwards; from a peer that is not trusted the header says nothing.

#pragma once

#include <span>
#include <string_view>

#include "sluice/contract/address.h"

namespace sluice::gateway {

// `forwarded_for` is the field's value, or the values of all such fields joined by ", ".
// An element that is no address ends the walk: what stands left of it cannot be believed.
[[nodiscard]] Address ClientAddress(const Address& peer,
                                    std::string_view forwarded_for,
                                    std::span<const AddressBlock> trusted_proxies);

[[nodiscard]] bool IsTrusted(const Address& peer, std::span<const AddressBlock> trusted_proxies);

}  // namespace sluice::gateway
