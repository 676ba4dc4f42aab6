// Lane orders: the signed text by which a tester asks for one version while weights run.
//
//   order     = lane "; exp=" unix-seconds "; sig=" 64 hex digits
//   signature = HMAC-SHA256(secret, release "\n" lane "\n" unix-seconds)
//   lane      = "candidate" | "canary" | "stable"
//
// The release's name is part of what is signed, so that an order for one release is none for
// another. Pure; any thread.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/time.h"
#include "sluice/release/bucket.h"

namespace sluice::release {

// "candidate" or "canary", "stable"; nothing: no lane of a release.
[[nodiscard]] std::optional<Arm> ArmOfLane(std::string_view lane);

// The text of a header or cookie. `expires` is rounded down to a second.
[[nodiscard]] std::string SignLaneOrder(std::string_view release,
                                        std::string_view lane,
                                        WallTime expires,
                                        std::string_view secret);

// What `order` asks for, when its signature is right and its time not over. Without a signature it
// asks for something only where `is_trusted`.
struct OrderRules {
  std::string_view release;
  std::string_view secret;  // Empty: no signature is right.
  bool is_trusted = false;
};
[[nodiscard]] std::optional<Arm> ReadLaneOrder(std::string_view order,
                                               const OrderRules& rules,
                                               WallTime now);

}  // namespace sluice::release
