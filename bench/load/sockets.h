// Non-blocking stream sockets for both sides of the generator.

#pragma once

#include "load/file_descriptor.h"

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"

namespace sluice::load {

// Binds and listens. Port 0 takes a free one; ask LocalAddress() which. Fails with kAddressInUse
// or kInputOutput.
[[nodiscard]] Result<FileDescriptor> Listen(const Address& address);

// Begins to connect; the socket turns writable when it is done or failed. Fails with
// kConnectFailed where the kernel says so at once.
[[nodiscard]] Result<FileDescriptor> StartConnect(const Address& address);

// The address that a bound socket has. Fails with kInputOutput.
[[nodiscard]] Result<Address> LocalAddress(int fd);

// The error that a failed connect left behind (an errno), 0 when it succeeded.
[[nodiscard]] int PendingError(int fd);

// Small messages go out at once; Unix sockets have nothing to set.
void DisableNagle(int fd);

}  // namespace sluice::load
