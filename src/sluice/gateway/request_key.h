// What a request is counted and balanced by: keys of rate limits, and of the hash ring.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/contract/address.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/router.h"
#include "sluice/limit/key_hash.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

// The parts of a request that keys are made of. Views of the exchange.
struct KeySource {
  const wire::RequestHead& head;
  const Address& client;
  const PathCaptures& captures;
  std::string_view path;
};

// Value of the cookie `name`; empty when there is none (RFC 6265 section 4.2).
[[nodiscard]] std::string_view CookieValue(const wire::RequestHead& head, std::string_view name);

// What a request says it costs: the whole number in the field `name`, at least 1 and at most
// `most`. 1 without the field. What is no whole number, or stands there several times, costs
// `most`: nobody gains by writing nonsense.
[[nodiscard]] std::uint32_t CostOf(std::string_view name,
                                   const wire::RequestHead& head,
                                   std::uint32_t most);

// The key's hash under the process's secret. Several fields of one name count as one value, joined
// by ", " in their order (RFC 9110 section 5.3), so that no second field can hide the first. A part
// that the request lacks counts as empty: requests without a user id share one bucket rather than
// escape the limit. 0 where `key` has no parts.
[[nodiscard]] std::uint64_t RateKeyHash(std::span<const config::RateKeyPart> key,
                                        const KeySource& source,
                                        const limit::KeyHasher& hasher);

// The same hash for a key as `overrides` writes it: the parts' texts joined by '|'. Nothing when
// the text has not as many parts as the key, or an ip part is no address.
[[nodiscard]] std::optional<std::uint64_t> OverrideKeyHash(std::span<const config::RateKeyPart> key,
                                                           std::string_view text,
                                                           const limit::KeyHasher& hasher);

// The key for people, where it may be shown: an address (of IPv6 one of its /64), a name, a user
// id, parts joined by '|', what is no printable ASCII as '?'. The values of cookies and of fields
// that carry secrets are shown as `#` and eight digits, which are the same for the same value as
// long as the process lives.
[[nodiscard]] std::string KeyText(std::span<const config::RateKeyPart> key,
                                  const KeySource& source,
                                  const limit::KeyHasher& hasher);

// Where the request stands on the hash ring; the same in every process.
[[nodiscard]] std::uint64_t BalanceHash(const config::HashOn& hash_on, const KeySource& source);

}  // namespace sluice::gateway
