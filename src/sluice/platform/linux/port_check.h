// Whether somebody listens on an address already.
//
// Sockets that share a port (SO_REUSEPORT) bind beside those of any process of the same user, so
// two gateways would silently share their clients. Asking without SO_REUSEPORT tells.

#pragma once

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"

namespace sluice::platform {

// Binds and lets go at once. Fails with kAddressInUse, kPermissionDenied or kInvalidOption; port 0
// and Unix addresses are always free here (a Unix socket's file is looked at by listening).
[[nodiscard]] Result<void> CheckPortIsFree(const Address& address);

}  // namespace sluice::platform
