// errno as an Error: one table for the whole folder.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::platform {

// EADDRINUSE is kAddressInUse, EMFILE is kOutOfDescriptors, …; kInputOutput for the rest.
[[nodiscard]] ErrorCode CodeOf(int error_number);

// "connect 127.0.0.1:80: Connection refused" for doing = "connect", what = "127.0.0.1:80".
[[nodiscard]] std::string DescribeErrno(int error_number,
                                        std::string_view doing,
                                        std::string_view what = {});

[[nodiscard]] std::unexpected<Error> FailErrno(int error_number,
                                               std::string_view doing,
                                               std::string_view what = {});

}  // namespace sluice::platform
