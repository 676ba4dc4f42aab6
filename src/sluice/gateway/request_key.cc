#include "sluice/gateway/request_key.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <list>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/wire/ascii.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t kKeyPartsMax = 8;

// The bytes an address is counted by: IPv4 whole, IPv6 by its /64, since one client owns that.
std::string_view AddressKey(const Address& address) {
  switch (address.family()) {
    case Address::Family::kIpv4:
      return {reinterpret_cast<const char*>(address.bytes().data()), 4};
    case Address::Family::kIpv6:
      return {reinterpret_cast<const char*>(address.bytes().data()), 8};
    case Address::Family::kUnix:
      return "unix";
  }
  return {};
}

// Values that had to be put together. Mostly empty, and then it costs nothing.
using JoinedValues = std::list<std::string>;

// The value of all fields `name`; empty when there is none. Lives as long as the head and `joined`.
std::string_view FieldValue(const wire::HeaderTable& headers,
                            std::string_view name,
                            JoinedValues& joined) {
  const wire::HeaderField* first = headers.Find(name);
  if (first == nullptr) return {};
  std::string* text = nullptr;
  for (const wire::HeaderField* field = first + 1; field != headers.end(); ++field) {
    if (field->id != first->id || !wire::EqualsIgnoringCase(field->name, name)) continue;
    if (text == nullptr) text = &joined.emplace_back(first->value);
    *text += ", ";
    *text += field->value;
  }
  return text == nullptr ? first->value : std::string_view(*text);
}

// Whether the part's value lets its reader act as somebody.
bool IsSecret(const config::RateKeyPart& part) {
  if (part.kind == config::RateKeyKind::kCookie) return true;
  if (part.kind != config::RateKeyKind::kHeader) return false;
  constexpr std::array<std::string_view, 8> kTelling = {
      "auth", "cookie", "token", "secret", "key", "session", "password", "credential"};
  return std::ranges::any_of(kTelling, [&part](std::string_view word) {
    return part.name.find(word) != std::string::npos;
  });
}

std::string_view PartOf(const config::RateKeyPart& part,
                        const KeySource& source,
                        JoinedValues& joined) {
  switch (part.kind) {
    case config::RateKeyKind::kIp:
      return AddressKey(source.client);
    case config::RateKeyKind::kHeader:
      return FieldValue(source.head.headers, part.name, joined);
    case config::RateKeyKind::kCookie:
      return CookieValue(source.head, part.name);
    case config::RateKeyKind::kPathParam:
      return source.captures.Find(part.name);
    case config::RateKeyKind::kGeneric:
      return part.name;
  }
  return {};
}

}  // namespace

std::string_view CookieValue(const wire::RequestHead& head, std::string_view name) {
  if (!head.headers.Has(wire::HeaderId::kCookie)) return {};
  for (const wire::HeaderField& field : head.headers) {
    if (field.id != wire::HeaderId::kCookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      const std::string_view pair = wire::TrimWhitespace(rest.substr(0, end));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return pair.substr(equals + 1);
      }
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
  return {};
}

std::uint32_t CostOf(std::string_view name, const wire::RequestHead& head, std::uint32_t most) {
  JoinedValues joined;
  const wire::HeaderField* const field = head.headers.Find(name);
  if (field == nullptr) return 1;
  const std::string_view text = FieldValue(head.headers, name, joined);
  std::uint32_t cost = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cost);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number ? std::clamp(cost, 1U, std::max(1U, most)) : most;
}

std::uint64_t RateKeyHash(std::span<const config::RateKeyPart> key,
                          const KeySource& source,
                          const limit::KeyHasher& hasher) {
  if (key.empty()) return 0;
  SLUICE_ASSERT(key.size() <= kKeyPartsMax);
  std::array<std::string_view, kKeyPartsMax> parts;
  JoinedValues joined;
  for (std::size_t i = 0; i < key.size(); ++i)
    parts[i] = PartOf(key[i], source, joined);
  return hasher.Hash(std::span<const std::string_view>(parts.data(), key.size()));
}

std::optional<std::uint64_t> OverrideKeyHash(std::span<const config::RateKeyPart> key,
                                             std::string_view text,
                                             const limit::KeyHasher& hasher) {
  SLUICE_ASSERT(key.size() <= kKeyPartsMax);
  std::array<std::string_view, kKeyPartsMax> parts;
  std::array<Address, kKeyPartsMax> addresses;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const bool is_last = i + 1 == key.size();
    const std::size_t bar = is_last ? std::string_view::npos : text.find('|');
    if (!is_last && bar == std::string_view::npos) return std::nullopt;
    parts[i] = text.substr(0, bar);
    if (key[i].kind == config::RateKeyKind::kIp) {
      const Result<Address> address = Address::ParseIp(parts[i]);
      if (!address) return std::nullopt;
      addresses[i] = *address;
      parts[i] = AddressKey(addresses[i]);
    }
    text.remove_prefix(is_last ? text.size() : bar + 1);
  }
  if (key.empty()) return std::nullopt;
  return hasher.Hash(std::span<const std::string_view>(parts.data(), key.size()));
}

std::string KeyText(std::span<const config::RateKeyPart> key,
                    const KeySource& source,
                    const limit::KeyHasher& hasher) {
  std::string text;
  JoinedValues joined;
  for (const config::RateKeyPart& part : key) {
    if (&part != key.data()) text += '|';
    if (part.kind == config::RateKeyKind::kIp) {
      source.client.AppendHost(text);
      if (source.client.family() == Address::Family::kIpv6) text += "/64";
      continue;
    }
    const std::string_view value = PartOf(part, source, joined);
    if (IsSecret(part) && !value.empty()) {
      text += fmt::format("#{:08x}", static_cast<std::uint32_t>(hasher.Hash(value)));
      continue;
    }
    for (const char c : value)
      text += c < ' ' || c > '~' ? '?' : c;
  }
  return text;
}

std::uint64_t BalanceHash(const config::HashOn& hash_on, const KeySource& source) {
  switch (hash_on.kind) {
    case config::HashOnKind::kSourceIp:
      return traffic::HashKey(AddressKey(source.client));
    case config::HashOnKind::kHeader: {
      const wire::HeaderField* field = source.head.headers.Find(hash_on.name);
      return traffic::HashKey(field == nullptr ? std::string_view() : field->value);
    }
    case config::HashOnKind::kCookie:
      return traffic::HashKey(CookieValue(source.head, hash_on.name));
    case config::HashOnKind::kPath:
      return traffic::HashKey(source.path);
  }
  return 0;
}

}  // namespace sluice::gateway
